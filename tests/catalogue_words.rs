//! What the page says of the catalogue in German and Dutch: whether each text of `blocklists/` has its words there.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

const LANGUAGES: [&str; 2] = ["de", "nl"];
/// A catalogue with fewer texts than this has lost a part, and these tests their subject.
const AT_LEAST: usize = 700;

#[derive(Deserialize)]
struct File {
    vendor: String,
    about: String,
    product: Vec<Product>,
}

#[derive(Deserialize)]
struct Product {
    name: String,
    sends: String,
    breaks: String,
    names: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    sends: Option<String>,
    breaks: Option<String>,
}

/// What of the catalogue the page shows.
#[derive(Default)]
struct Shown {
    /// Who a vendor is, what is sent, and what breaks.
    sentences: BTreeSet<String>,
    products: BTreeSet<String>,
    vendors: BTreeSet<String>,
}

#[test]
fn each_sentence_has_its_words_in_each_language() {
    let shown = shown();
    assert!(shown.sentences.len() > AT_LEAST, "only {} sentences", shown.sentences.len());
    let mut missing = Vec::new();
    for language in LANGUAGES {
        let table = table(language);
        for sentence in shown.sentences.iter().filter(|sentence| !table.contains_key(*sentence)) {
            missing.push(format!("labels.{language}.json:   {}: \"\",", serde_json::to_string(sentence).unwrap()));
        }
    }
    assert!(missing.is_empty(), "web/src/lang/ lacks\n{}", missing.join("\n"));
}

#[test]
fn a_product_that_is_described_is_so_in_each_language() {
    let [german, dutch] = LANGUAGES.map(table);
    let only = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        one.keys().filter(|text| !other.contains_key(*text)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((only(&german, &dutch), only(&dutch, &german)), (Vec::new(), Vec::new()), "in one language alone");
}

#[test]
fn nothing_is_translated_that_is_gone() {
    let shown = shown();
    for language in LANGUAGES {
        let mut left = table(language);
        left.retain(|text, _| !shown.sentences.contains(text) && !shown.products.contains(text));
        assert!(left.is_empty(), "labels.{language}.json says what the catalogue no longer does: {:?}", left.keys());
    }
}

#[test]
fn a_translation_is_one_and_keeps_numbers_and_proper_names() {
    let shown = shown();
    let proper = proper_names(&shown);
    assert!(proper.len() > 150, "only {} proper names", proper.len());
    for language in LANGUAGES {
        for (text, said) in table(language) {
            let at = format!("labels.{language}.json, {text:?}: {said:?}");
            assert!(said != text, "{at} is no translation");
            assert!(said.trim() == said && !said.contains(['!', '\'', '"', '<', '\n']), "{at} has what no text has");
            assert_eq!(text.ends_with('.'), said.ends_with('.'), "{at}: a sentence is one in each language");
            assert_eq!(numbers(&text), numbers(&said), "{at}: other numbers");
            for name in proper.iter().filter(|name| names(&text, name)) {
                assert!(said.to_lowercase().contains(name.as_str()), "{at} does not name {name}");
            }
        }
    }
}

#[test]
fn the_tables_are_in_order_one_text_a_line() {
    for language in LANGUAGES {
        let written = text(language);
        let keys: Vec<&str> = written.lines().filter(|line| line.starts_with("  \"")).collect();
        assert_eq!(
            keys.len(),
            table(language).len(),
            "labels.{language}.json: a text stands twice, or not on a line of its own"
        );
        for pair in keys.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "labels.{language}.json: {} belongs before {}", pair[1], pair[0]);
        }
    }
}

fn shown() -> Shown {
    let mut shown = Shown::default();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file: File = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        shown.vendors.insert(file.vendor);
        shown.sentences.insert(file.about);
        for product in file.product {
            let of_names = product.names.into_iter().flat_map(|line| [line.sends, line.breaks]).flatten();
            shown
                .sentences
                .extend(of_names.chain([product.sends, product.breaks]).filter(|sentence| !sentence.is_empty()));
            shown.products.insert(product.name);
        }
    }
    shown
}

/// Vendors without what stands in brackets, and the products whose names say nothing that could be translated, in small
/// letters: not every maker begins with a capital one.
fn proper_names(shown: &Shown) -> Vec<String> {
    let translated = table(LANGUAGES[0]);
    let products = shown.products.iter().filter(|name| !translated.contains_key(*name));
    shown.vendors.iter().chain(products).map(|name| name.split(" (").next().unwrap().to_lowercase()).collect()
}

/// Whether `name` stands in `text` as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}

/// The numbers in `text`, in the order of their size: another language may name them in another order.
fn numbers(text: &str) -> Vec<&str> {
    let mut numbers: Vec<_> = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    numbers.sort_unstable();
    numbers
}

fn key(line: &str) -> &str {
    line.split_once("\": \"").unwrap().0
}

fn table(language: &str) -> BTreeMap<String, String> {
    serde_json::from_str(&text(language)).unwrap()
}

fn text(language: &str) -> String {
    let path = format!("{}/web/src/lang/labels.{language}.json", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}
