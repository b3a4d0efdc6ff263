//! Lists from the disk, and the last good copies of them.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ListOptions;
use crate::policy::{Format, ListSource, OWN_RULES};

/// Bytes of a list file; a larger one is refused. A million names are about 25 MB.
pub(super) const LIST_BYTES_BOUND: u64 = 64 << 20;

/// A list as it was found on the disk.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What the policy is compiled from.
    pub(super) source: ListSource,
    /// The `[[list]]` it comes from.
    pub(super) group: Arc<str>,
    /// The file, or the directory where that is the trouble.
    pub(super) path: PathBuf,
    /// What is wrong with the file, one sentence without the name of the list.
    pub(super) problem: Option<String>,
}

/// The last good copy of each list, by group and name. They are kept compressed, a quarter of their size, because a
/// router has little memory and they are needed only when a file goes bad.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf(HashMap<ListKey, Arc<[u8]>>);

/// Group and name of a list.
type ListKey = (Arc<str>, Arc<str>);

/// Reads all lists, directories one level deep.
pub(super) fn read(lists: &[ListOptions], shelf: &Shelf) -> Vec<Found> {
    let mut found = Vec::new();
    for list in lists {
        if list.path.is_dir() {
            match members(&list.path) {
                Ok(paths) => found.extend(paths.iter().map(|path| read_file(list, &stem(path), path))),
                Err(problem) => found.extend(lost_directory(list, &problem, shelf)),
            }
        } else if shelf.names(&list.name).any(|name| **name != *list.name) {
            found.extend(lost_directory(
                list,
                "the directory is gone; put it back, or take the list out of config.toml",
                shelf,
            ));
        } else {
            found.push(read_file(list, &list.name, &list.path));
        }
    }
    refuse_second_of_a_name(&mut found);
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
    let found = read(lists, &Shelf::default()).into_iter().filter(is_catalogue);
    found.map(|found| CatalogueFile { path: found.path, content: found.source.content }).collect()
}

impl Found {
    /// Puts the last good copy in the place of what cannot be used. Says whether there is one.
    pub(super) fn fall_back(&mut self, shelf: &Shelf) -> bool {
        let copy = shelf.take_down(&self.group, &self.source.name);
        let found = copy.is_some();
        if let Some(copy) = copy {
            self.source.content = Ok(copy);
        }
        found
    }
}

impl Shelf {
    /// Keeps a copy of a list that is good.
    pub(super) fn put(&mut self, group: &Arc<str>, name: &Arc<str>, content: &[u8]) {
        let key = (group.clone(), name.clone());
        match zstd::bulk::compress(content, zstd::DEFAULT_COMPRESSION_LEVEL) {
            Ok(compressed) => self.0.insert(key, compressed.into()),
            Err(_) => self.0.remove(&key),
        };
    }

    /// Forgets the copies of lists that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        self.0.retain(|(group, name), _| keep(group, name));
    }

    fn take_down(&self, group: &Arc<str>, name: &Arc<str>) -> Option<Arc<[u8]>> {
        let compressed = self.0.get(&(group.clone(), name.clone()))?;
        let capacity = usize::try_from(LIST_BYTES_BOUND).unwrap_or(usize::MAX);
        let mut content = Vec::new();
        zstd::Decoder::new(&compressed[..]).ok()?.take(capacity as u64).read_to_end(&mut content).ok()?;
        Some(content.into())
    }

    fn names<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        self.0.keys().filter(move |(of, _)| **of == *group).map(|(_, name)| name)
    }
}

/// A directory that cannot be read: each list it had before, without content; or one that says so.
fn lost_directory(list: &ListOptions, problem: &str, shelf: &Shelf) -> Vec<Found> {
    let mut names: Vec<_> = shelf.names(&list.name).cloned().collect();
    names.sort();
    if names.is_empty() {
        names.push(list.name.as_str().into());
    }
    names.into_iter().map(|name| found(list, &name, &list.path, Err(problem.to_owned()))).collect()
}

fn refuse_second_of_a_name(found: &mut [Found]) {
    let mut taken = HashSet::from([Arc::from(OWN_RULES)]);
    for list in found {
        if !taken.insert(list.source.name.clone()) {
            let problem = format!("another list is called {} already; rename the file", list.source.name);
            list.source.content = Err(problem.clone());
            list.problem = Some(problem);
        }
    }
}

fn read_file(list: &ListOptions, name: &str, path: &Path) -> Found {
    let content = content(path).map_err(|problem| {
        if list.subscription.is_some() && !path.exists() {
            return "it has not been fetched yet".to_owned();
        }
        format!("{} cannot be read: {problem}; put the file right, or take the list out of config.toml", path.display())
    });
    found(list, name, path, content.map(Arc::from))
}

fn found(list: &ListOptions, name: &str, path: &Path, content: Result<Arc<[u8]>, String>) -> Found {
    Found {
        problem: content.as_ref().err().cloned(),
        source: ListSource {
            name: name.into(),
            action: list.action,
            format: list.format,
            trusted: list.trusted,
            tier: list.tier,
            content,
        },
        group: list.name.as_str().into(),
        path: path.to_owned(),
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

fn content(path: &Path) -> Result<Vec<u8>, String> {
    let sentence = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "sordino is not allowed to".to_owned(),
        _ => error.to_string(),
    };
    // Asked before it is opened: to open a pipe is to wait for its other end.
    if !fs::metadata(path).map_err(sentence)?.is_file() {
        return Err("it is not a file".into());
    }
    let mut content = Vec::new();
    File::open(path).map_err(sentence)?.take(LIST_BYTES_BOUND + 1).read_to_end(&mut content).map_err(sentence)?;
    if content.len() as u64 > LIST_BYTES_BOUND {
        return Err(format!("it is larger than {} MB", LIST_BYTES_BOUND >> 20));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Action;

    fn list(name: &str, path: &Path) -> ListOptions {
        ListOptions {
            name: name.into(),
            path: path.to_owned(),
            action: Action::Block,
            format: Format::Auto,
            trusted: false,
            tier: Default::default(),
            subscription: None,
        }
    }

    fn names(found: &[Found]) -> Vec<(&str, bool)> {
        found.iter().map(|found| (&*found.source.name, found.source.content.is_ok())).collect()
    }

    #[test]
    fn a_directory_is_a_list_for_each_toml_file_in_it() {
        let house = tempfile::tempdir().unwrap();
        for file in ["samsung.toml", "apple.toml", "README.md"] {
            fs::write(house.path().join(file), "x").unwrap();
        }
        let found = read(&[list("catalogue", house.path())], &Shelf::default());
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
            let found = read(&[list("mine", path)], &Shelf::default());
            let problem = found[0].problem.as_deref().unwrap();
            assert!(problem.contains(said), "{problem}");
            assert_eq!(names(&found), [("mine", false)]);
        }
    }

    #[test]
    fn the_second_list_of_a_name_is_refused() {
        let house = tempfile::tempdir().unwrap();
        fs::write(house.path().join("apple.toml"), "x").unwrap();
        fs::write(house.path().join("own.toml"), "x").unwrap();
        let lists = [list("apple", &house.path().join("apple.toml")), list("catalogue", house.path())];
        assert_eq!(names(&read(&lists, &Shelf::default())), [("apple", true), ("apple", false), ("own", false)]);
    }

    #[test]
    fn a_directory_that_is_gone_leaves_its_lists_on_the_shelf() {
        let house = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::default();
        let group: Arc<str> = "catalogue".into();
        shelf.put(&group, &"apple".into(), b"one name");
        let mut found = read(&[list("catalogue", &house.path().join("gone"))], &shelf);
        assert_eq!(names(&found), [("apple", false)]);
        assert!(found[0].fall_back(&shelf));
        assert_eq!(&found[0].source.content.as_ref().unwrap()[..], b"one name");
        shelf.retain(|group, _| group != "catalogue");
        assert!(!found[0].fall_back(&shelf));
    }
}
