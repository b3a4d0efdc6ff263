//! What the catalogue says, in the language of a report: the tables that the page has, packed when sordino is built and
//! unpacked for each report, so that no table lies in memory between two of them.

use std::collections::HashMap;

use flate2::read::GzDecoder;

use crate::insight::Language;

const GERMAN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/labels.de.gz"));
const DUTCH: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/labels.nl.gz"));

/// The texts of the catalogue in one language.
pub(super) struct Told {
    language: Language,
    words: HashMap<String, String>,
}

impl Told {
    pub(super) fn new(language: Language) -> Self {
        let packed = match language {
            Language::English => return Self { language, words: HashMap::new() },
            Language::German => GERMAN,
            Language::Dutch => DUTCH,
        };
        // A test unpacks both; a table that could not be read would leave the texts in English.
        Self { language, words: serde_json::from_reader(GzDecoder::new(packed)).unwrap_or_default() }
    }

    /// `text` of the catalogue, and the language it is in now: one that no table has, as in a catalogue of the house's own,
    /// stays as it is written.
    pub(super) fn tell<'a>(&'a self, text: &'a str) -> (&'a str, Language) {
        self.words.get(text).map_or((text, Language::English), |told| (told, self.language))
    }

    /// The same where nobody asks for the language.
    pub(super) fn text<'a>(&'a self, text: &'a str) -> &'a str {
        self.tell(text).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_whole_once_unpacked() {
        for language in [Language::German, Language::Dutch] {
            let path = format!("{}/web/src/lang/labels.{}.json", env!("CARGO_MANIFEST_DIR"), language.tag());
            let written: HashMap<String, String> =
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            assert!(written.len() > 700 && Told::new(language).words == written, "{}", language.tag());
        }
    }

    #[test]
    fn a_text_that_nobody_translated_stays_and_says_so() {
        assert_eq!(
            Told::new(Language::German).tell("When the cat comes home."),
            ("When the cat comes home.", Language::English)
        );
        assert_eq!(Told::new(Language::Dutch).tell("A Chinese keyboard.").1, Language::Dutch);
        assert_eq!(
            Told::new(Language::English).tell("A Chinese keyboard."),
            ("A Chinese keyboard.", Language::English)
        );
    }
}
