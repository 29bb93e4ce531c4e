//! The broker as the configuration says it.

use std::path::Path;
use std::time::Duration;

use super::settings::QueueSettings;
use crate::queue::{Broker, Credentials, QueueError};

impl QueueSettings {
    /// File names are meant from the configuration's directory.
    pub fn files_from(&mut self, base: &Path) {
        for file in [&mut self.credentials_file, &mut self.authorities_file] {
            if !file.is_empty() {
                *file = base.join(&*file).display().to_string();
            }
        }
    }

    /// Reads what stands in files; an empty file name means the default.
    pub fn broker(&self) -> Result<Broker, QueueError> {
        let credentials = match self.credentials_file.as_str() {
            "" => Credentials::default(),
            file => Credentials::read(Path::new(file))?,
        };
        let authorities = match self.authorities_file.as_str() {
            "" => String::new(),
            file => std::fs::read_to_string(file)
                .map_err(|error| QueueError(format!("authorities_file {file}: {error}")))?,
        };
        Ok(Broker {
            url: self.url.clone(),
            credentials,
            authorities,
            prefix: self.prefix.clone(),
            prefetch: self.prefetch,
            confirm_timeout: Duration::from_millis(self.confirm_timeout_ms.max(1)),
            delivery_limit: self.delivery_limit,
        })
    }
}
