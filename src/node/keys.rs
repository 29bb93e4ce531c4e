//! Where the platform's public keys come from: a file, or its JWKS address.

use std::sync::Arc;

use crate::adapters::waas::{Door, KeySource};
use crate::channel::offer::Soon;
use crate::channel::push::{HttpClient, HttpSettings, Request};
use crate::gateway::settings::{Channel, Settings, Voucher};
use crate::trust::dpop::DpopWindow;
use crate::trust::voucher::{TokenType, VoucherPolicy};

/// Largest voucher and proof that are looked at, bytes.
const TOKEN_MOST: usize = 16 * 1024;

struct KeysAt {
    place: String,
    client: HttpClient,
}

impl KeySource for KeysAt {
    fn fetch(&self) -> Soon<'_, Result<String, String>> {
        Box::pin(async move {
            if !self.place.starts_with("http") {
                return std::fs::read_to_string(&self.place).map_err(|error| error.to_string());
            }
            let answer =
                self.client.send(Request::get(&self.place)).await.map_err(|error| error.to_string())?;
            if !answer.is_success() {
                return Err(format!("the platform answered {}", answer.status));
            }
            String::from_utf8(answer.body.into_exposed()).map_err(|error| error.to_string())
        })
    }
}

/// The doors of all offered routes.
pub fn doors(settings: &Settings) -> Result<Vec<Door>, String> {
    let mut doors = Vec::new();
    for route in settings.route.iter().filter(|route| route.channel == Channel::Offer) {
        let Some(voucher) = &route.voucher else { continue };
        let client = HttpClient::new(&HttpSettings::default()).map_err(|error| error.to_string())?;
        doors.push(Door {
            route: route.id.clone(),
            policy: policy(voucher),
            receipts_need_voucher: route.receipts_need_voucher,
            keys: Arc::new(KeysAt { place: voucher.jwks.clone(), client }),
        });
    }
    Ok(doors)
}

fn policy(voucher: &Voucher) -> VoucherPolicy {
    VoucherPolicy {
        issuer: voucher.issuer.clone(),
        audience: voucher.audience.clone(),
        eservice_id: voucher.eservice_id.clone(),
        producer_id: voucher.producer_id.clone(),
        descriptor_ids: voucher.descriptor_ids.clone(),
        consumer_id: voucher.consumer_id.clone(),
        purposes: voucher.purposes.clone(),
        leeway_s: voucher.leeway_s,
        token_type: if voucher.dpop { TokenType::Dpop } else { TokenType::Bearer },
        max_bytes: TOKEN_MOST,
        dpop: DpopWindow::default(),
    }
}

/// Fetches the platform's keys of one offered route, to see whether they can be had; returns
/// how many are usable.
pub fn fetch_keys(settings: &Settings, route: &str) -> Result<usize, String> {
    let door = doors(settings)?.into_iter().find(|door| door.route == route);
    let door = door.ok_or("the route is not offered")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let text = runtime.map_err(|error| error.to_string())?.block_on(door.keys.fetch())?;
    let keys = crate::trust::jwks::KeySet::parse(&text, 0).map_err(|error| error.to_string())?;
    Ok(keys.len())
}
