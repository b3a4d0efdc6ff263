//! Lists from the disk: each read, compiled by itself, or replaced by its last good copy.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ListOptions;
use super::cabinet::{Cabinet, LastGood};
use super::shelf::{ListKey, Shelf};
use super::source::{self, Key};
use crate::policy::{
    Content, ESSENTIAL, Format, ListReport, ListSource, NoPart, OWN_RULES, PAUSE, Policy, Reading, catalogue_rows,
};

/// What to do about a file that cannot be used.
const ADVICE: &str = "put the file right, or take the list out of config.toml";

/// A list as it was found on the disk.
#[derive(Debug)]
pub(super) struct Found {
    /// What the policy is compiled from.
    pub(super) source: ListSource,
    /// The `[[list]]` it comes from.
    pub(super) group: Arc<str>,
    /// The file, or the directory where that is the trouble.
    pub(super) path: PathBuf,
    /// What is wrong with the file, one sentence without the name of the list.
    pub(super) problem: Option<String>,
    /// What the policy is told of it, where it is in force.
    pub(super) good: Option<LastGood>,
    /// What tells its content from any other, where the file is good.
    pub(super) content: Option<Key>,
    /// Why it is refused, as it was read.
    pub(super) refused: Option<ListReport>,
    options: ListOptions,
}

/// Reads all lists, directories one level deep. Where one cannot be used, its last good copy takes its place.
pub(super) fn read(lists: &[ListOptions], shelf: &Shelf, cabinet: &Cabinet) -> Vec<Found> {
    let mut found = find(lists, shelf);
    refuse_second_of_a_name(&mut found);
    for list in &mut found {
        if list.problem.is_none() {
            list.problem = list.load(shelf, cabinet, false).err();
        }
        if list.problem.is_some() {
            list.fall_back(shelf, cabinet);
        }
    }
    found
}

fn find(lists: &[ListOptions], shelf: &Shelf) -> Vec<Found> {
    let mut found = Vec::new();
    for list in lists {
        if list.path.is_dir() {
            match members(&list.path) {
                Ok(paths) => found.extend(paths.iter().map(|path| Found::new(list, &stem(path), path))),
                Err(problem) => found.extend(lost_directory(list, &problem, shelf)),
            }
        } else if shelf.names(&list.name).any(|name| **name != *list.name) {
            let problem = "the directory is gone; put it back, or take the list out of config.toml";
            found.extend(lost_directory(list, problem, shelf));
        } else {
            found.push(Found::new(list, &list.name, &list.path));
        }
    }
    found
}

/// A file of the catalogue.
#[derive(Clone, Debug)]
pub struct CatalogueFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes, or one sentence on why there are none.
    pub content: Result<Arc<[u8]>, String>,
}

/// The files of the catalogue among `lists`. Reads from the disk.
pub fn catalogue_files(lists: &[ListOptions]) -> Vec<CatalogueFile> {
    let is_catalogue = |found: &Found| match found.source.format {
        Format::Catalogue => true,
        Format::Auto => found.path.extension().is_some_and(|extension| extension == "toml"),
        _ => false,
    };
    let found = find(lists, &Shelf::default()).into_iter().filter(is_catalogue);
    let files = found.map(|found| CatalogueFile {
        content: found.problem.map_or_else(|| source::whole(&found.path).map(Into::into), Err),
        path: found.path,
    });
    files.collect()
}

impl Found {
    fn new(list: &ListOptions, name: &str, path: &Path) -> Self {
        let source = ListSource {
            name: name.into(),
            action: list.action,
            format: list.format,
            trusted: list.trusted,
            tier: list.tier,
            content: Err("it was not read".into()),
        };
        Self {
            source,
            group: list.name.as_str().into(),
            path: path.to_owned(),
            problem: None,
            good: None,
            content: None,
            refused: None,
            options: list.clone(),
        }
    }

    /// What the shelf calls it by.
    pub(super) fn shelf_key(&self) -> ListKey {
        (self.group.clone(), self.source.name.clone())
    }

    fn reading(&self) -> Reading {
        Reading { format: self.options.format, trusted: self.options.trusted, wide: self.options.confirmed.wide }
    }

    /// Reads the file and puts it in force, or says what is wrong with it. `afresh` no part that is there already is used.
    fn load(&mut self, shelf: &Shelf, cabinet: &Cabinet, afresh: bool) -> Result<(), String> {
        if self.options.subscription.is_some() && !self.path.exists() {
            return Err("it has not been fetched yet".to_owned());
        }
        let path = self.path.display().to_string();
        let unreadable = |problem: String| format!("{path} cannot be read: {problem}; {ADVICE}");
        let format = match self.options.format {
            Format::Auto => Policy::format_of(&source::begin(&self.path).map_err(unreadable)?),
            format => format,
        };
        let (content, digest, key, names) = if format == Format::Catalogue {
            let bytes = source::whole(&self.path).map_err(unreadable)?;
            let names = catalogue_rows(&bytes).map_err(|problem| self.unusable(&problem))?;
            let key = source::key_of(&bytes);
            (bytes.into(), key, key, names)
        } else {
            let digest = source::key(&self.path).map_err(unreadable)?;
            let key = Cabinet::part_key(&digest, self.reading());
            let known = (!afresh).then(|| cabinet.part(&key).or_else(|| shelf.part(&key))).flatten();
            let part = known.map_or_else(|| cabinet.compile(&self.path, &digest, self.reading()), Ok);
            let part = part.map_err(|no_part| match no_part {
                NoPart::Unreadable(error) | NoPart::Unwritable(error) => unreadable(source::sentence(&error)),
                NoPart::Refused(report) => {
                    let problem = report.problem.clone().unwrap_or_default();
                    self.refused = Some(*report);
                    self.unusable(&problem)
                }
            })?;
            let names = part.names();
            (Content::Part(part), digest, key, names)
        };
        let good = LastGood { key, reading: self.reading(), names };
        self.refuse_shrunk(&good, shelf)?;
        self.good = Some(good);
        self.content = Some(digest);
        self.source.content = Ok(content);
        Ok(())
    }

    /// Compiles the list anew if the names of its part are not what was written; to be asked before they are used.
    pub(super) fn mend(&mut self, shelf: &Shelf, cabinet: &Cabinet) {
        if let (Ok(Content::Part(part)), None) = (&self.source.content, &self.problem)
            && !cabinet.verify(part)
        {
            self.problem = self.load(shelf, cabinet, true).err();
        }
    }

    /// A list that lost nearly all of its names is an accident more often than a decision. One that is fetched was asked
    /// this before it came in, and what is there is there because the operator took it.
    fn refuse_shrunk(&self, new: &LastGood, shelf: &Shelf) -> Result<(), String> {
        let Some(old) = shelf.last_good(&self.shelf_key()).filter(|old| old.reading == new.reading) else {
            return Ok(());
        };
        let answered = self.options.confirmed.shrunk || self.options.subscription.is_some();
        if answered || old.key == new.key || old.names == 0 || new.names * 10 > old.names {
            return Ok(());
        }
        let (path, old, new) = (self.path.display(), old.names, new.names);
        Err(format!(
            "{path} shrank from {old} names to {new}; if that is right, write confirmed = [\"shrunk\"] for the list in config.toml"
        ))
    }

    fn unusable(&self, problem: &str) -> String {
        format!("{} cannot be used: {problem}; {ADVICE}", self.path.display())
    }

    fn fall_back(&mut self, shelf: &Shelf, cabinet: &Cabinet) {
        let key = self.shelf_key();
        if let Some((content, _)) = shelf.take_down(&key, self.reading(), cabinet) {
            self.source.content = Ok(content);
            self.good = shelf.last_good(&key).cloned();
        }
    }

    /// What its content is called by, where there is any.
    pub(super) fn content_key(&self) -> Option<&Key> {
        self.good.as_ref().map(|good| &good.key)
    }
}

/// A directory that cannot be read: each list it had before, without content; or one that says so.
fn lost_directory(list: &ListOptions, problem: &str, shelf: &Shelf) -> Vec<Found> {
    let mut names: Vec<_> = shelf.names(&list.name).cloned().collect();
    names.sort();
    if names.is_empty() {
        names.push(list.name.as_str().into());
    }
    let lost = |name: &Arc<str>| Found { problem: Some(problem.to_owned()), ..Found::new(list, name, &list.path) };
    names.iter().map(lost).collect()
}

fn refuse_second_of_a_name(found: &mut [Found]) {
    let mut taken = HashSet::from([OWN_RULES, PAUSE, ESSENTIAL].map(Arc::from));
    for list in found {
        if !taken.insert(list.source.name.clone()) {
            list.problem = Some(format!("another list is called {} already; rename the file", list.source.name));
        }
    }
}

fn members(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut paths = read().map_err(|error| format!("{} cannot be read: {error}", directory.display()))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    if paths.is_empty() {
        return Err(format!("there is no file *.toml in {}; a directory holds one for each list", directory.display()));
    }
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::source::LIST_BYTES_BOUND;
    use super::*;

    fn read(lists: &[ListOptions], shelf: &Shelf) -> Vec<Found> {
        super::read(lists, shelf, &Cabinet::default())
    }

    fn names(found: &[Found]) -> Vec<(&str, bool)> {
        found.iter().map(|found| (&*found.source.name, found.source.content.is_ok())).collect()
    }

    #[test]
    fn a_directory_is_a_list_for_each_toml_file_in_it() {
        let house = tempfile::tempdir().unwrap();
        for file in ["samsung.toml", "apple.toml", "README.md"] {
            fs::write(house.path().join(file), "a.example\n").unwrap();
        }
        let found = read(&[ListOptions::blocking("catalogue", house.path())], &Shelf::default());
        assert_eq!(names(&found), [("apple", true), ("samsung", true)]);
        assert_eq!(&*found[0].group, "catalogue");
    }

    #[test]
    fn what_cannot_be_read_is_said_and_not_fatal() {
        let house = tempfile::tempdir().unwrap();
        let huge = house.path().join("huge.txt");
        File::create(&huge).unwrap().set_len(LIST_BYTES_BOUND + 1).unwrap();
        let empty = house.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let missing = house.path().join("missing.txt");
        for (path, said) in [
            (missing.as_path(), "no such file"),
            (&huge, "larger than 64 MB"),
            (&empty, "no file *.toml"),
            (Path::new("/dev/zero"), "not a file"),
        ] {
            let found = read(&[ListOptions::blocking("mine", path)], &Shelf::default());
            let problem = found[0].problem.as_deref().unwrap();
            assert!(problem.contains(said), "{problem}");
            assert_eq!(names(&found), [("mine", false)]);
        }
    }

    #[test]
    fn the_second_list_of_a_name_is_refused() {
        let house = tempfile::tempdir().unwrap();
        fs::write(house.path().join("apple.toml"), "a.example\n").unwrap();
        fs::write(house.path().join("own.toml"), "a.example\n").unwrap();
        let lists = [
            ListOptions::blocking("apple", &house.path().join("apple.toml")),
            ListOptions::blocking("catalogue", house.path()),
        ];
        assert_eq!(names(&read(&lists, &Shelf::default())), [("apple", true), ("apple", false), ("own", false)]);
    }

    #[test]
    fn a_directory_that_is_gone_leaves_its_lists_on_the_shelf() {
        let (house, cabinet) = (tempfile::tempdir().unwrap(), Cabinet::default());
        let directory = house.path().join("catalogue");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("apple.toml"), "a.example\n").unwrap();
        let mut shelf = Shelf::default();
        for list in super::read(&[ListOptions::blocking("catalogue", &directory)], &shelf, &cabinet) {
            shelf.put(list.shelf_key(), list.good.clone().unwrap(), list.source.content.as_ref().unwrap(), &cabinet);
        }
        fs::remove_dir_all(&directory).unwrap();
        let found = read(&[ListOptions::blocking("catalogue", &directory)], &shelf);
        assert_eq!(names(&found), [("apple", true)]);
        assert!(found[0].problem.as_ref().unwrap().contains("the directory is gone"));
        shelf.retain(|(group, _)| **group != *"catalogue");
        assert_eq!(names(&read(&[ListOptions::blocking("catalogue", &directory)], &shelf)), [("catalogue", false)]);
    }
}
