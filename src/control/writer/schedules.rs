//! Schedules that are made in the page.

use super::Writer;
use crate::control::{ALWAYS, Needed, Refusal, SCHEDULES_BOUND, SLOTS_BOUND, USES_BOUND, joined_schedules};
use crate::store::AddedSchedule;

impl Writer {
    pub(super) async fn add_schedule(&mut self, schedule: AddedSchedule) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        let all = joined_schedules(&self.state.options.schedules, &settings).all;
        if schedule.name == ALWAYS || all.iter().any(|one| one.name == schedule.name) {
            return Err(Refusal::NameTaken("schedule", schedule.name));
        }
        if all.len() >= SCHEDULES_BOUND {
            return Err(Refusal::TooMany(all.len(), "schedules"));
        }
        self.check_schedule(&schedule)?;
        settings.schedules.push(schedule);
        self.change(settings).await
    }

    pub(super) async fn change_schedule(&mut self, schedule: AddedSchedule) -> Result<(), Refusal> {
        let place = self.schedule_place(&schedule.name)?;
        self.check_schedule(&schedule)?;
        let mut settings = self.swept(self.clock.now());
        settings.schedules[place] = schedule;
        self.change(settings).await
    }

    pub(super) async fn remove_schedule(&mut self, name: &str) -> Result<(), Refusal> {
        let place = self.schedule_place(name)?;
        let mut settings = self.swept(self.clock.now());
        settings.schedules.remove(place);
        self.change(settings).await
    }

    /// Where in the settings the schedule is, unless the configuration has one of this name.
    fn schedule_place(&self, name: &str) -> Result<usize, Refusal> {
        if self.state.options.schedules.all.iter().any(|schedule| schedule.name == name) {
            return Err(Refusal::Fixed(format!("the schedule {name}")));
        }
        let place = self.state.settings.schedules.iter().position(|schedule| schedule.name == name);
        place.ok_or_else(|| Refusal::Unknown(format!("schedule called {name} that was made in the page")))
    }

    fn check_schedule(&self, schedule: &AddedSchedule) -> Result<(), Refusal> {
        let AddedSchedule { name, slots, uses } = schedule;
        let refuse = |why: String| Err(Refusal::NotASchedule(SLOTS_BOUND, why));
        let missing = |what: String| Err(Refusal::Missing(format!("{what}; take it out of the schedule")));
        if self.state.options.schedules.zone.is_unknown() {
            return Err(Refusal::NoTimeZone);
        }
        if slots.is_empty() || slots.len() > SLOTS_BOUND {
            return refuse(format!("a schedule has 1 to {SLOTS_BOUND} slots"));
        }
        if uses.len() > USES_BOUND {
            return refuse(format!("a schedule is for {USES_BOUND} lists and profiles at the most"));
        }
        let all = joined_schedules(&self.state.options.schedules, &self.state.settings).uses;
        for (place, (list, profile)) in uses.iter().enumerate() {
            if !self.knows_list(list) {
                return missing(format!("there is no list called {list}"));
            }
            if let Some(profile) = profile
                && self.state.compiled.policy.profile(profile).is_none()
            {
                return missing(format!("there is no profile called {profile}"));
            }
            if uses[..place].iter().any(|(before, under)| before == list && under == profile) {
                return refuse(format!("the schedule names the list {list} twice"));
            }
            let other = all.iter().find(|one| one.list == *list && one.profile == *profile);
            if let Some(other) = other.filter(|other| other.schedule.as_ref() != Some(name)) {
                let has = other.schedule.as_deref().unwrap_or(ALWAYS);
                let why = format!("the list {list} has the schedule {has} already; change that first");
                return Err(Refusal::InUse(Needed::BySchedule(list.clone()), why));
            }
        }
        Ok(())
    }
}
