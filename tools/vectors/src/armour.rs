//! Armour, right and wrong.

/// Kinds of armour, right and wrong, and what a wrong one breaks if its armour is to blame.
pub(crate) fn armours(text: &str) -> Vec<(&'static str, &'static str, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let body = lines.get(1).copied().unwrap_or_default();
    let name = lines.first().copied().unwrap_or_default();
    let swapped = if name.contains("DEVICE") { "TERMINAL MANIFEST" } else { "DEVICE MANIFEST" };
    let own = name.trim_start_matches("-----BEGIN HISPOS ").trim_end_matches("-----");
    let joined = lines.iter().skip(1).take(lines.len().saturating_sub(2)).copied().collect::<String>();
    let armours = vec![
        ("as written", text.to_owned()),
        ("CR before each LF", text.replace('\n', "\r\n")),
        ("text around it", format!("Dear colleague,\n\n{text}\nYours\n")),
        ("spaces at both ends of each line", lines.iter().map(|line| format!("  {line} \t\n")).collect()),
        ("no LF at the end", text.trim_end().to_owned()),
        ("one line of content", format!("{name}\n{joined}\n-----END HISPOS {own}-----\n")),
        ("no BEGIN line", lines.iter().skip(1).map(|line| format!("{line}\n")).collect()),
        ("no END line", lines.iter().take(lines.len() - 1).map(|line| format!("{line}\n")).collect()),
        (
            "another name in the END line",
            text.replace(&format!("END HISPOS {own}"), &format!("END HISPOS {swapped}")),
        ),
        ("another name in both lines", text.replace(own, swapped)),
        ("four hyphens behind BEGIN", text.replacen(&format!("{own}-----"), &format!("{own}----"), 1)),
        (
            "a character that is none of base64",
            text.replacen(
                body,
                &body
                    .replacen('A', "*", 1)
                    .replacen("CAE", "C*E", 1)
                    .replacen("CAI", "C*I", 1)
                    .replacen("CAM", "C*M", 1),
                1,
            ),
        ),
        (
            "padding inside",
            text.replacen(
                body,
                &format!("{}=={}", body.get(..4).unwrap_or_default(), body.get(6..).unwrap_or_default()),
                1,
            ),
        ),
        ("a character missing", text.replacen(body, body.get(1..).unwrap_or_default(), 1)),
        ("nothing between the lines", format!("{name}\n-----END HISPOS {own}-----\n")),
        (
            "a line missing",
            format!(
                "{name}\n{}-----END HISPOS {own}-----\n",
                lines
                    .iter()
                    .skip(2)
                    .take(lines.len().saturating_sub(3))
                    .map(|line| format!("{line}\n"))
                    .collect::<String>()
            ),
        ),
    ];
    armours.into_iter().map(|(kind, text)| (kind, broken(kind), text)).collect()
}

fn broken(kind: &str) -> &'static str {
    match kind {
        "a character that is none of base64" | "padding inside" | "a character missing" => "PRV-17",
        _ => "PRV-18",
    }
}
