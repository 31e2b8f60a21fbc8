"""Replays the vectors of payment codes and of what platforms' answers prove."""

from __future__ import annotations

from hispos_client.payment import Merchant, NoCode, Proven, Question, Reply, Untrusted, judge, recognise
from hispos_client.tables import Channel, PlatformCall, Profile

from .vectors import Case, Tally, same


def replay_codes(file: Case, tally: Tally) -> None:
    """`codes.json`: the channel, or what the patient is told."""
    for case in file["cases"]:
        tally.run(case, _code)


def _code(case: Case) -> None:
    try:
        code = recognise(case["text"])
    except NoCode as refused:
        same("reaction", case.get("reaction"), refused.refusal.value)
        return
    same("result", case["result"], "valid")
    same("channel and digits", (case["channel"], case["digits"]), (int(code.channel), code.digits))
    same("what it shows", False, code.digits in repr(code))


def replay_verdicts(file: Case, tally: Tally) -> None:
    """`verdicts.json`: what each answer proves."""
    for case in file["cases"]:
        tally.run(case, _verdict)


def question_of(case: Case) -> Question:
    """What was asked in every case of the file."""
    profile, call = Profile[case["profile"].upper()], PlatformCall[case["call"].upper()]
    channel = Channel.ALIPAY if profile == Profile.ALIPAY else Channel.WECHAT
    is_refund = call in (PlatformCall.REFUND, PlatformCall.QUERY_REFUND)
    return Question(
        id=1,
        merchant=Merchant(channel, "1900000109", "1900000110"),
        call=call,
        number="" if call == PlatformCall.VERIFY else "SIM1BR816CGQ7VC793192XF6W",
        total=0 if call == PlatformCall.VERIFY else 8800,
        connect_ms=3000,
        http_ms=12000,
        refund_number="SIM1BAAAAAAAAAAAAAAAAAAAR" if is_refund else "",
        refund_amount=800 if is_refund else 0,
    )


def _verdict(case: Case) -> None:
    profile = Profile[case["profile"].upper()]
    try:
        proven, provider_code = judge(profile, question_of(case), Reply.of(case["reply"]))
    except Untrusted:
        same("proof", (case["proof"], case["provider_code"]), ("open", ""))
        same("reaction", case.get("reaction"), "untrusted: proves open")
        return
    same("proof", case["proof"], proven.proof.value)
    same("provider_code", case["provider_code"], provider_code)
    same_details(case, proven)


def same_details(case: Case, proven: Proven) -> None:
    """What belongs to the proof, where the case tells it."""
    capture = proven.capture
    if "capture" in case:
        assert capture is not None
        given = {"payment_no": capture.payment_no, "fen": capture.fen, "captured_at": capture.captured_at}
        same("capture", case["capture"], {key: given[key] for key in case["capture"]})
    if "refunded" in case:
        same("refunded", case["refunded"], proven.refunded)
    if "closed" in case:
        same("closed", case["closed"], proven.is_closed)
