//! Profiles that are made in the page, and which device has which.

use super::Writer;
use crate::control::{ADDED_PROFILES_BOUND, DEVICE_NAMES_BOUND, Needed, PROFILES_BOUND, Refusal, USUAL_PROFILE};
use crate::policy::DeviceId;
use crate::store::{AddedProfile, Settings};

impl Writer {
    pub(super) async fn add_profile(&mut self, profile: AddedProfile) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        let taken = settings.profiles.iter().any(|added| added.name == profile.name);
        if taken || profile.name == USUAL_PROFILE || self.state.compiled.policy.profile(&profile.name).is_some() {
            return Err(Refusal::NameTaken("profile", profile.name));
        }
        // One of those of the house may be the unspoken one.
        if settings.profiles.len() >= ADDED_PROFILES_BOUND
            || self.state.compiled.policy.profiles().count() + 1 >= PROFILES_BOUND
        {
            return Err(Refusal::TooMany(settings.profiles.len(), "profiles made in the page"));
        }
        self.check_lists(&profile)?;
        settings.profiles.push(profile);
        self.change_profiles(settings).await
    }

    pub(super) async fn change_profile(&mut self, profile: AddedProfile) -> Result<(), Refusal> {
        let place = self.profile_place(&profile.name)?;
        self.check_lists(&profile)?;
        let mut settings = self.swept(self.clock.now());
        settings.profiles[place] = profile;
        self.change_profiles(settings).await
    }

    /// Devices that had the profile have then the one of their own; a rule that is for it would be for nobody, and what
    /// the operator wrote is not taken away unasked.
    pub(super) async fn remove_profile(&mut self, name: &str) -> Result<(), Refusal> {
        let place = self.profile_place(name)?;
        let mut settings = self.swept(self.clock.now());
        let rules = settings.rules.iter().filter(|rule| rule.scope.is_for_profile(name)).count();
        if rules > 0 {
            let why =
                format!("{rules} of your rules are for the profile {name}; remove them or make them for others first");
            return Err(Refusal::InUse(Needed::ByRules(name.to_owned()), why));
        }
        if self.state.options.newcomers.as_deref() == Some(name) {
            let why = format!("config.toml gives new devices the profile {name}; change that first");
            return Err(Refusal::InUse(Needed::ByNewcomers(name.to_owned()), why));
        }
        settings.profiles.remove(place);
        settings.pauses.retain(|pause| !pause.scope.is_for_profile(name));
        settings.device_profiles.retain(|(_, profile)| profile != name);
        for schedule in &mut settings.schedules {
            schedule.uses.retain(|(_, profile)| profile.as_deref() != Some(name));
        }
        self.change_profiles(settings).await
    }

    pub(super) async fn place_device(&mut self, device: DeviceId, profile: Option<String>) -> Result<(), Refusal> {
        let known = self.cell.current().devices.find(&device).cloned();
        match &known {
            Some(known) if known.profile_fixed => {
                return Err(Refusal::Fixed(format!("the profile of {}", known.name)));
            }
            None if matches!(device, DeviceId::Named(_)) => return Err(Refusal::Unknown(format!("device {device}"))),
            _ => {}
        }
        // What was joined is the device that it was joined to.
        let device = known.map_or(device, |known| known.id.clone());
        let mut settings = self.swept(self.clock.now());
        settings.device_profiles.retain(|(id, _)| *id != device);
        if let Some(profile) = profile {
            if self.state.compiled.policy.profile(&profile).is_none() {
                return Err(Refusal::Unknown(format!("profile called {profile}")));
            }
            if settings.device_profiles.len() >= DEVICE_NAMES_BOUND {
                return Err(Refusal::TooMany(DEVICE_NAMES_BOUND, "devices with a profile"));
            }
            settings.device_profiles.push((device, profile));
        }
        self.change(settings).await
    }

    async fn change_profiles(&mut self, settings: Settings) -> Result<(), Refusal> {
        if settings.profiles == self.state.settings.profiles {
            return Ok(());
        }
        self.change(settings).await?;
        self.reload(None).await.map(drop)
    }

    /// Where in the settings the profile is, unless the configuration has one of this name.
    fn profile_place(&self, name: &str) -> Result<usize, Refusal> {
        if self.state.options.profiles.iter().any(|profile| profile.name == name) {
            return Err(Refusal::Fixed(format!("the profile {name}")));
        }
        let place = self.state.settings.profiles.iter().position(|profile| profile.name == name);
        place.ok_or_else(|| Refusal::Unknown(format!("profile called {name} that was made in the page")))
    }

    fn check_lists(&self, profile: &AddedProfile) -> Result<(), Refusal> {
        match profile.lists.iter().find(|(list, _)| !self.knows_list(list)) {
            Some((list, _)) => {
                Err(Refusal::Missing(format!("there is no list called {list}; take it out of the profile")))
            }
            None => Ok(()),
        }
    }

    /// Whether there is a list, or a directory of lists, of that name.
    pub(super) fn knows_list(&self, name: &str) -> bool {
        let listed = self.state.compiled.lists.iter().any(|list| *list.group == *name || *list.report.name == *name);
        listed || self.state.settings.lists.iter().any(|list| list.name == name)
    }
}
