"""A client of hispos, the secure link between a hospital information system and a payment terminal.

From the ground up: `tables` and `canonical` know what the schemas say, `frames` turns a stream into frames, `crypto`
and `key_schedule` hold the cryptography, `provisioning` reads signed files, `handshake` exchanges keys, `records` seals
messages, `his_session` and `pos_session` keep one line alive, `orders`, `book` and `ledger` hold
what is made and told, `his_link` carries it. But for `transport` and the file of `book`, none does any input or output: bytes, instants, random
bytes and storage come in from outside.
"""
