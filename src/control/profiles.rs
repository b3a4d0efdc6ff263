//! Profiles of the configuration and of the page, together, as the policy takes them.

use super::lists::Found;
use crate::policy::Profile;
use crate::store::Settings;

/// What the profile is called that takes all lists as they are, where none is configured.
pub const USUAL_PROFILE: &str = "default";
/// Profiles in all; a device holds the number of its own in one octet.
pub const PROFILES_BOUND: usize = 255;

/// The profiles of the configuration with those of the page behind. Of two of one name it is the configuration's that
/// counts. Where only the page has any, the one that takes all lists as they are goes first: the first is everybody's who
/// has no other, and a profile made for the guests must not become the one of the house.
pub(super) fn joined(fixed: &[Profile], settings: &Settings) -> Vec<Profile> {
    let mut profiles = fixed.to_vec();
    if profiles.is_empty() && !settings.profiles.is_empty() {
        profiles.push(Profile { name: USUAL_PROFILE.to_owned(), lists: Vec::new() });
    }
    for added in &settings.profiles {
        if profiles.len() < PROFILES_BOUND && !profiles.iter().any(|profile| profile.name == added.name) {
            profiles.push(Profile { name: added.name.clone(), lists: added.lists.clone() });
        }
    }
    profiles
}

/// Profiles as the policy takes them: where one names a directory, it means each list in there that it does not name itself.
pub(super) fn expand(profiles: &[Profile], found: &[Found]) -> (Vec<Profile>, Vec<String>) {
    let mut problems = Vec::new();
    let profiles = profiles.iter().map(|profile| {
        let mut lists = Vec::new();
        for (name, action) in &profile.lists {
            let is_one = found.iter().any(|list| *list.source.name == **name);
            let members = found.iter().filter(|list| !is_one && *list.group == **name);
            let mut members = members.map(|list| list.source.name.to_string()).peekable();
            if is_one {
                lists.push((name.clone(), *action));
            } else if members.peek().is_none() {
                problems.push(format!(
                    "profile {}: there is no list called {name}; the entry has no effect, correct it where the profile was \
                     made",
                    profile.name
                ));
            }
            let own = |member: &String| !profile.lists.iter().any(|(named, _)| named == member);
            lists.extend(members.filter(own).map(|member| (member, *action)));
        }
        Profile { name: profile.name.clone(), lists }
    });
    (profiles.collect(), problems)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::cabinet::Cabinet;
    use super::super::shelf::Shelf;
    use super::super::{ListOptions, lists};
    use super::*;
    use crate::policy::{Action, Format};
    use crate::store::AddedProfile;

    fn list(name: &str, path: &Path) -> ListOptions {
        ListOptions {
            name: name.into(),
            path: path.to_owned(),
            action: Action::Block,
            format: Format::Auto,
            trusted: false,
            tier: Default::default(),
            subscription: None,
            confirmed: Default::default(),
        }
    }

    #[test]
    fn a_profile_that_names_a_directory_means_the_lists_in_it() {
        let house = tempfile::tempdir().unwrap();
        for file in ["apple.toml", "samsung.toml"] {
            fs::write(house.path().join(file), "").unwrap();
        }
        let found = lists::read(&[list("catalogue", house.path())], &Shelf::default(), &Cabinet::default());
        let lists =
            [("catalogue", Some(Action::Watch)), ("apple", None), ("none", None)].map(|(name, to)| (name.into(), to));
        let (profiles, problems) = expand(&[Profile { name: "guests".into(), lists: lists.into() }], &found);
        assert_eq!(profiles[0].lists, [("samsung".to_owned(), Some(Action::Watch)), ("apple".to_owned(), None)]);
        assert!(matches!(&problems[..], [problem] if problem.contains("no list called none")), "{problems:?}");
    }

    #[test]
    fn a_profile_of_the_page_never_becomes_the_one_of_the_house() {
        let profile = |name: &str| Profile { name: name.into(), lists: vec![] };
        let names = |fixed: &[Profile], added: &[&str]| -> Vec<String> {
            let added = added.iter().map(|name| AddedProfile { name: (*name).into(), lists: vec![] });
            let settings = Settings { profiles: added.collect(), ..Settings::default() };
            joined(fixed, &settings).into_iter().map(|profile| profile.name).collect()
        };
        assert_eq!(names(&[], &[]), [""; 0]);
        assert_eq!(names(&[], &["guests"]), ["default", "guests"]);
        assert_eq!(names(&[profile("house"), profile("kids")], &["kids", "guests"]), ["house", "kids", "guests"]);
        let many: Vec<String> = (0..PROFILES_BOUND + 3).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(names(&[profile("house")], &many).len(), PROFILES_BOUND);
    }
}
