//! Persons asked about again by themselves: bounded in each look, spread over the day, within the
//! route's daily budget; and the end of what is kept of old questions.

use super::Gateway;
use super::clock::in_rome;
use super::settings::{Channel, Route};
use crate::exchange::{LedgerError, Millis, allowance};

/// Folders that one look walks over.
const LOOK: usize = 500;
const DAY_MS: Millis = 86_400_000;
/// Who asks by the schedule.
const ACTOR: &str = "calendar";

impl Gateway {
    /// Queues the questions that are due by the routes' schedules; returns how many.
    pub fn refresh_inquiries(&self) -> Result<u64, LedgerError> {
        let refreshed = |route: &&Route| route.channel == Channel::Inquiry && route.inquiry.refresh_days > 0;
        let routes = self.settings.route.iter().filter(refreshed);
        routes.map(|route| self.refresh(route)).sum()
    }

    fn refresh(&self, route: &Route) -> Result<u64, LedgerError> {
        let Some(flow) = self.asking_flow(&route.register) else { return Ok(0) };
        let now = self.clock.now_ms();
        let day = self.books.inquiry_day(&route.id)?;
        let mut left = self.allowed(route, now)?;
        if left == 0 || day.rest_until > now {
            return Ok(0);
        }
        let since = now - Millis::from(route.inquiry.refresh_days) * DAY_MS;
        let folders = self.books.folders_asked(&route.register, day.cursor, since, LOOK)?;
        let (mut opened, mut cursor, mut walked) = (0, day.cursor, 0);
        for (number, ente, folder_id, asked) in &folders {
            if left == 0 {
                break;
            }
            (cursor, walked) = (*number, walked + 1);
            if *asked || !route.enti.contains(ente) {
                continue;
            }
            let row = self.books.folder(ente, folder_id)?.filter(|row| !row.is_erased());
            let Some(row) = row else { continue };
            // Whoever has not consented is not asked about, and leaves no question behind.
            if flow.may_ask(&self.open_folder(&row)?, self.clock.today()).is_err() {
                continue;
            }
            let new = self.new_inquiry(&row, route, flow, ACTOR, false);
            opened += u64::from(self.write_on_duty(move |tx| tx.open_inquiry(&new))?.1);
            left -= 1;
        }
        if walked == folders.len() && walked < LOOK {
            cursor = 0; // The end: the next look begins anew.
        }
        let id = route.id.clone();
        self.write_on_duty(move |tx| tx.put_inquiry_cursor(&id, cursor))?;
        if opened > 0 {
            self.inquiry_bell.notify_one();
        }
        Ok(opened)
    }

    /// Questions that the schedule may add now.
    fn allowed(&self, route: &Route, now: Millis) -> Result<u32, LedgerError> {
        let civil = in_rome(now);
        let today = civil.date().to_string();
        let day = self.books.inquiry_day(&route.id)?;
        let asked = if day.day == today { day.asked } else { 0 };
        let open = self.books.open_inquiries(&route.id)?;
        let seconds = f64::from(civil.hour()) * 3600.0 + f64::from(civil.minute()) * 60.0;
        Ok(allowance(route.inquiry.daily_budget, asked + open, seconds / 86_400.0))
    }

    /// Drops what is no longer kept of questions and answers.
    pub fn prune_inquiries(&self) -> Result<(), LedgerError> {
        let now = self.clock.now_ms();
        let routes = self.settings.route.iter().filter(|route| route.channel == Channel::Inquiry);
        for route in routes {
            let before = now - Millis::from(route.inquiry.keep_answers_days) * DAY_MS;
            let id = route.id.clone();
            self.write_on_duty(move |tx| tx.prune_inquiries(&id, before))?;
        }
        Ok(())
    }
}
