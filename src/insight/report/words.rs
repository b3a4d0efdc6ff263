//! What a report says besides what it found, in each language. What the page says too is said in the page's words.

mod de;
mod en;
mod nl;

use crate::insight::Language;

/// Every text of a report in one language. None of them holds markup.
pub(super) struct Words {
    /// What the whole is called.
    pub(super) report: &'static str,
    /// The span, of its begin, its end and what the clock is ahead of UTC.
    pub(super) period: fn(&str, &str, &str) -> String,
    /// What was found, in a sentence or two.
    pub(super) summary: fn(&Sums) -> String,
    pub(super) device: &'static str,
    pub(super) mac: &'static str,
    pub(super) maker: &'static str,
    pub(super) addresses: &'static str,
    pub(super) profile: &'static str,
    pub(super) first_seen: &'static str,
    pub(super) last_seen: &'static str,
    pub(super) unknown: &'static str,
    pub(super) hears: &'static str,
    pub(super) hears_none: &'static str,
    pub(super) hearer: &'static str,
    pub(super) purpose: &'static str,
    pub(super) asked: &'static str,
    pub(super) muted: &'static str,
    pub(super) sends: &'static str,
    pub(super) breaks: &'static str,
    pub(super) hours: &'static str,
    pub(super) hours_note: &'static str,
    pub(super) compared: &'static str,
    /// The span before, of its begin, its end and its questions.
    pub(super) before: fn(&str, &str, u64) -> String,
    pub(super) then: &'static str,
    pub(super) now: &'static str,
    pub(super) new_names: &'static str,
    pub(super) through: &'static str,
    pub(super) through_none: &'static str,
    pub(super) name: &'static str,
    pub(super) answered: &'static str,
    pub(super) firsts: &'static str,
    pub(super) firsts_none: &'static str,
    pub(super) when: &'static str,
    pub(super) lists: &'static str,
    pub(super) list: &'static str,
    pub(super) does: &'static str,
    pub(super) blocks: &'static str,
    pub(super) watches: &'static str,
    pub(super) allows: &'static str,
    pub(super) names: &'static str,
    pub(super) as_of: &'static str,
    pub(super) own_file: &'static str,
    pub(super) blind: &'static str,
    pub(super) blind_spots: [&'static str; 6],
    /// Who wrote it and when, of the version and the moment.
    pub(super) written: fn(&str, &str) -> String,
    /// What the catalogue calls a purpose, and how it is called here.
    pub(super) purposes: [(&'static str, &'static str); 13],
}

/// What the sentence at the top tells.
pub(super) struct Sums {
    /// All questions.
    pub(super) asked: u64,
    /// Those of labelled names.
    pub(super) telemetry: u64,
    /// Of how many makers.
    pub(super) makers: usize,
    /// How many of the labelled ones were muted.
    pub(super) muted: u64,
    /// How many of the labelled ones fell between midnight and six.
    pub(super) at_night: u64,
}

impl Words {
    /// The words of `language`.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &en::WORDS,
            Language::German => &de::WORDS,
            Language::Dutch => &nl::WORDS,
        }
    }

    /// A purpose of the catalogue; one that there is no word for as the catalogue writes it.
    pub(super) fn purpose_word<'a>(&self, purpose: &'a str) -> &'a str {
        self.purposes.iter().find(|(key, _)| *key == purpose).map_or(purpose, |(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(asked: u64, telemetry: u64, makers: usize, muted: u64, at_night: u64) -> Sums {
        Sums { asked, telemetry, makers, muted, at_night }
    }

    fn summary(language: Language, sums: &Sums) -> String {
        (Words::of(language).summary)(sums)
    }

    #[test]
    fn one_many_and_none_are_told_as_people_tell_them() {
        let told = |sums: Sums| Language::ALL.map(|language| summary(language, &sums));
        assert_eq!(
            told(sums(4_321, 1_567, 3, 1_345, 12)),
            [
                "It asked 4,321 times. 1,567 questions, for 3 makers, are known as telemetry; 1,345 were muted, 12 fell between midnight and six.",
                "Es hat 4.321\u{2011}mal gefragt. 1.567 Fragen an 3 Hersteller sind als Telemetrie bekannt; 1.345 wurden stummgeschaltet, 12 fielen zwischen Mitternacht und sechs Uhr.",
                "Het vroeg 4.321 keer iets. 1.567 vragen, aan 3 fabrikanten, staan bekend als telemetrie; 1.345 werden gedempt, 12 vielen tussen middernacht en zes uur.",
            ]
        );
        assert_eq!(
            told(sums(1, 1, 1, 1, 1)),
            [
                "It asked once. 1 question, for 1 maker, is known as telemetry; 1 was muted, 1 fell between midnight and six.",
                "Es hat einmal gefragt. 1 Frage an 1 Hersteller ist als Telemetrie bekannt; 1 wurde stummgeschaltet, 1 fiel zwischen Mitternacht und sechs Uhr.",
                "Het vroeg één keer iets. 1 vraag, aan 1 fabrikant, staat bekend als telemetrie; 1 werd gedempt, 1 viel tussen middernacht en zes uur.",
            ]
        );
        for (language, none) in Language::ALL.into_iter().zip([
            "none was muted, none",
            "keine wurde stummgeschaltet, keine",
            "geen werd gedempt, geen",
        ]) {
            assert!(
                summary(language, &sums(5, 2, 1, 0, 0)).contains(none),
                "{}",
                summary(language, &sums(5, 2, 1, 0, 0))
            );
        }
        assert_eq!(
            told(sums(2, 0, 0, 0, 0)),
            [
                "It asked 2 times; nothing of it is known as telemetry.",
                "Es hat 2\u{2011}mal gefragt; nichts davon ist als Telemetrie bekannt.",
                "Het vroeg 2 keer iets; niets daarvan staat bekend als telemetrie.",
            ]
        );
        assert_eq!(told(sums(0, 0, 0, 0, 0)), ["It asked nothing.", "Es hat nichts gefragt.", "Het vroeg niets."]);
    }

    #[test]
    fn what_the_page_says_too_is_said_in_its_words() {
        for language in Language::ALL {
            let path = format!("{}/web/src/lang/{}.ts", env!("CARGO_MANIFEST_DIR"), language.tag());
            let page = std::fs::read_to_string(path).unwrap();
            let words = Words::of(language);
            let purposes = words.purposes.iter().map(|(key, word)| (format!("purpose.{key}"), *word));
            let same = [
                ("report.title", words.report),
                ("report.lists", words.lists),
                ("report.limits", words.blind),
                ("device.mac", words.mac),
                ("device.maker", words.maker),
                ("device.profile", words.profile),
                ("device.first", words.first_seen),
                ("device.last", words.last_seen),
                ("device.hears", words.hears),
                ("device.hears.none", words.hears_none),
                ("device.sends", words.sends),
                ("device.breaks", words.breaks),
                ("count.asked", words.asked),
                ("verdict.block", words.muted),
                ("compare.title", words.compared),
                ("through.title", words.through),
                ("through.none", words.through_none),
                ("firsts.title", words.firsts),
                ("lists.list", words.list),
                ("lists.action", words.does),
                ("acts.block", words.blocks),
                ("acts.watch", words.watches),
                ("acts.allow", words.allows),
                ("names.title", words.names),
                ("queries.name", words.name),
            ];
            for (key, word) in same.map(|(key, word)| (key.to_owned(), word)).into_iter().chain(purposes) {
                assert!(
                    page.contains(&format!("'{key}': '{word}'")),
                    "{}.ts does not say {word:?} for {key}",
                    language.tag()
                );
            }
        }
    }
}
