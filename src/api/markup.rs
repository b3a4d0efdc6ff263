//! Text between markup, in HTML and in XML.

/// `text` as text: nothing in it is markup, in quotation marks either.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
