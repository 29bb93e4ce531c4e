//! Those who deliver in this process: the configured queue, and a courier per pushed route.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::adapters;
use crate::channel::courier::{AnswerCheck, Courier, Destination};
use crate::channel::inquiry::Inquirer;
use crate::channel::push::HttpSettings;
use crate::flow::Catalog;
use crate::gateway::settings::{Channel, Push, QueueKind, Route, Settings};
use crate::gateway::{Delivery, Gateway, Inquiries};
use crate::personal::Personal;
use crate::queue::{MemoryQueue, Now, Queue, RabbitQueue};

/// Delivery as the configuration says it, and the broker's end of it, to be stopped last.
pub struct Wired {
    pub delivery: Arc<Delivery>,
    pub inquiries: Arc<Inquiries>,
    pub broker: Option<Arc<RabbitQueue>>,
}

/// Makes the queue and the couriers. Within a tokio runtime; a broker that is out of reach is
/// no error, the queue connects by itself.
pub fn wire(gateway: &Arc<Gateway>) -> Result<Wired, String> {
    let settings = &gateway.settings;
    let couriers = couriers(settings, &gateway.catalog)?;
    let inquirers = inquirers(settings)?;
    let clock = Arc::clone(gateway);
    let now: Now = Arc::new(move || clock.clock.now_ms());
    let (queue, broker): (Arc<dyn Queue>, _) = match settings.queue.kind {
        QueueKind::Embedded => (Arc::new(MemoryQueue::new(now)), None),
        QueueKind::Rabbitmq => {
            let broker = settings.queue.broker().map_err(|error| error.to_string())?;
            let queue = Arc::new(RabbitQueue::start(broker, &working_routes(settings), now));
            (Arc::clone(&queue) as Arc<dyn Queue>, Some(queue))
        }
    };
    gateway.carried_by(Arc::clone(&queue));
    let delivery = Arc::new(Delivery { gateway: Arc::clone(gateway), queue, couriers });
    let inquiries = Arc::new(Inquiries { gateway: Arc::clone(gateway), inquirers });
    Ok(Wired { delivery, inquiries, broker })
}

/// Routes whose containers workers send or build.
fn working_routes(settings: &Settings) -> Vec<String> {
    let works = |route: &&Route| !matches!(route.channel, Channel::Offer | Channel::Inquiry);
    let routes = settings.route.iter().filter(works);
    routes.map(|route| route.id.clone()).collect()
}

/// A courier for each pushed route, by its id.
pub fn couriers(
    settings: &Settings,
    catalog: &Arc<Catalog>,
) -> Result<HashMap<String, Arc<dyn Courier>>, String> {
    let mut couriers: HashMap<String, Arc<dyn Courier>> = HashMap::new();
    for route in &settings.route {
        let Some(push) = route.push.as_ref().filter(|_| route.channel == Channel::Push) else { continue };
        let courier = destination(push).and_then(|to| {
            let check = answer_check(catalog, &route.register);
            adapters::checked_courier(&to, check).map_err(|error| error.to_string())
        });
        couriers
            .insert(route.id.clone(), courier.map_err(|why| format!("route {}: {why}", route.id))?.into());
    }
    Ok(couriers)
}

/// An inquirer for each route that asks, by its id.
pub fn inquirers(settings: &Settings) -> Result<HashMap<String, Arc<dyn Inquirer>>, String> {
    let mut inquirers: HashMap<String, Arc<dyn Inquirer>> = HashMap::new();
    for route in settings.route.iter().filter(|route| route.channel == Channel::Inquiry) {
        let Some(push) = &route.push else { continue };
        let made =
            destination(push).and_then(|to| adapters::inquirer(&to).map_err(|error| error.to_string()));
        inquirers.insert(route.id.clone(), made.map_err(|why| format!("route {}: {why}", route.id))?.into());
    }
    Ok(inquirers)
}

/// What an answer must look like, where the register's flow says so.
fn answer_check(catalog: &Arc<Catalog>, register: &str) -> Option<AnswerCheck> {
    let flow = catalog.flows().iter().find(|flow| flow.register() == register)?.id().to_owned();
    let catalog = Arc::clone(catalog);
    Some(Box::new(move |bytes: &[u8]| catalog.find(&flow).is_none_or(|flow| flow.is_answer(bytes))))
}

fn destination(push: &Push) -> Result<Destination, String> {
    let token = secret(&push.token_file)?;
    let token = token
        .map(|bytes| String::from_utf8(bytes).map(|text| Personal::new(text.trim().to_owned())))
        .transpose()
        .map_err(|_| "token_file holds no text".to_owned())?;
    let http = HttpSettings {
        connect_timeout_ms: push.connect_timeout_ms,
        read_timeout_ms: push.read_timeout_ms,
        total_timeout_ms: push.total_timeout_ms,
        max_response_bytes: push.max_response_bytes,
        max_idle_connections: push.concurrency + 1,
        allow_plain_http: push.allow_plain_http,
        authorities_pem: read(&push.authorities_file)?,
        identity_pem: secret(&push.identity_file)?,
        unix_socket: None,
        send_trace: push.send_trace,
    };
    Ok(Destination {
        protocol: push.protocol.clone(),
        url: push.url.clone(),
        http,
        token,
        read_back_after_ms: push.read_back_after_ms,
    })
}

fn read(path: &str) -> Result<Option<Vec<u8>>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    std::fs::read(path).map(Some).map_err(|error| format!("{path}: {error}"))
}

/// A file that only its owner may read.
fn secret(path: &str) -> Result<Option<Vec<u8>>, String> {
    let bytes = read(path)?;
    if bytes.is_some() {
        let mode = std::fs::metadata(Path::new(path)).map(|meta| meta.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            return Err(format!("{path} may be read by others: chmod 600"));
        }
    }
    Ok(bytes)
}
