//! Text that stays text in a page.

use std::fmt::Write as _;

/// `text` as text: nothing in it is markup, and what cannot be seen or turns the writing around is spelled out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                spell(&mut escaped, c)
            }
            c if c.is_control() => spell(&mut escaped, c),
            c => escaped.push(c),
        }
    }
    escaped
}

fn spell(escaped: &mut String, c: char) {
    // A String takes whatever is written into it.
    let _ = write!(escaped, "\\u{:04x}", u32::from(c));
}
