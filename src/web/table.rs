//! Every endpoint of the API, the right that it takes, and what the document says of it: the one
//! table. A handler asks again where the right must count: at which ente, at which register.

use utoipa::openapi::Required;

use super::endpoint::{Endpoint, get, post, put};
use super::shapes;
use super::{
    accounts, calendar, duplicates, events, explain, flows, folders, forecast, indicators, inquiries, keys,
    people, records, replay, runs, search, status, tokens, trial,
};
use crate::gateway::rights::Right;

/// Largest NDJSON import in one request, bytes.
const IMPORT_MOST: usize = 2 * 1024 * 1024 * 1024;

/// Largest container of a former system in one request, bytes.
const ADOPT_MOST: usize = 64 * 1024 * 1024;

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const BYTES: &str = "application/octet-stream";

/// All endpoints, in the order in which the document lists them.
pub fn endpoints(folder_most: usize) -> Vec<Endpoint> {
    let mut all = of_folders(folder_most + 1024);
    all.extend(of_people());
    all.extend(of_inquiries());
    all.extend(of_work());
    all.extend(of_operations());
    all.extend(of_submissions());
    all.extend(of_search());
    all.extend(of_routes());
    all.extend(of_flows(folder_most + 1024));
    all.extend(of_administration());
    all
}

fn of_folders(folder_most: usize) -> Vec<Endpoint> {
    vec![
        get("/folders", Right::SeeMetadata, people::list)
            .says("Folders by ente and id, page by page.")
            .query::<people::Wanted>()
            .answers::<shapes::FolderPage>(200, "A page; `Link` names the next one."),
        put("/folders/{id}", Right::SaveFolders, folders::save)
            .says("Saves a folder: mapped and validated for every flow when it answers.")
            .takes_bytes(&[JSON], folder_most)
            .answers::<shapes::FolderSaved>(200, "It replaced the stored one.")
            .answers::<shapes::FolderSaved>(201, "It is new.")
            .header("If-Match", "The ETag of the folder that was read, or `*`: else 412.", Required::False)
            .header("If-None-Match", "`*`: only a folder that is new, else 412.", Required::False)
            .problems(&[409, 412, 422]),
        get("/folders/{id}", Right::SeeMetadata, folders::show)
            .says("Where a folder's records stand, and its findings; the folder itself with `body`.")
            .query::<folders::Whose>()
            .header("Raccordo-Reason", "Why you look; needed with `body`.", Required::False)
            .answers::<shapes::Folder>(200, "The folder.")
            .problems(&[409]),
        post("/folders/{id}/sync", Right::Sync, folders::sync)
            .says(
                "Brings registers up to date about one citizen, now; waits for the outcome up to `wait_ms`.",
            )
            .query::<folders::OfEnte>()
            .takes::<folders::SyncRequest>()
            .answers::<shapes::Synced>(200, "The runs, as they stand.")
            .problems(&[409]),
        post("/folders/{id}/standing", Right::Decide, folders::standing)
            .says("What a register really holds of one record, by a person's look.")
            .query::<folders::OfEnte>()
            .takes::<folders::Standing>()
            .answers_nothing(204, "It is noted.")
            .problems(&[409]),
        get("/folders/{id}/explain", Right::SeeMetadata, explain::folder)
            .says("Findings and recipients' answers, on the folder's own fields.")
            .query::<explain::Asked>()
            .header("Raccordo-Reason", "Why you look; needed with `body`.", Required::False)
            .answers::<shapes::FolderExplained>(200, "The explanations.")
            .problems(&[409]),
        post("/import", Right::SaveFolders, folders::import)
            .says("Saves many folders: NDJSON in, a result per line out; a cut or wrong line stops no other.")
            .query::<folders::PartOf>()
            .takes_bytes(&[NDJSON, BYTES], IMPORT_MOST)
            .answers_bytes(200, "A result per line, then the summary.", NDJSON),
        get("/duplicates", Right::SeeMetadata, duplicates::list)
            .says("Benefits that two folders seem to record.")
            .query::<duplicates::Limit>()
            .answers::<shapes::Duplicates>(200, "Each pair once."),
    ]
}

/// What opens a folder, tells of its person, or ends what is kept of them.
fn of_people() -> Vec<Endpoint> {
    vec![
        get("/folders/{id}/body", Right::SeeBodies, folders::body)
            .says("The folder itself: an audited act.")
            .query::<folders::OfEnte>()
            .asks_why()
            .answers::<shapes::FolderBody>(200, "The folder.")
            .problems(&[409]),
        get("/folders/{id}/lineage", Right::SeeHistory, people::lineage)
            .says("What registers know of this person, and why: places and rows, no values; an audited act.")
            .query::<people::Whose>()
            .asks_why()
            .answers::<shapes::LineageTold>(200, "The records, as each register knows them."),
        post("/folders/{id}/erase", Right::Erase, people::erase)
            .says(
                "Erases the person: the folder's key is destroyed. Never a cancel: what registers hold stays there.",
            )
            .query::<folders::OfEnte>()
            .asks_why()
            .takes::<people::Erase>()
            .answers::<shapes::ErasureTold>(200, "It is done.")
            .answers::<shapes::ErasureTold>(202, "It waits for what is under way, or could still be cancelled."),
    ]
}

fn of_inquiries() -> Vec<Endpoint> {
    vec![
        post("/folders/{id}/fetch", Right::Sync, inquiries::fetch)
            .says("Asks a register about one person, with that person's consent.")
            .query::<folders::OfEnte>()
            .takes::<inquiries::FetchRequest>()
            .answers::<shapes::InquiryStanding>(200, "The question, as it stands.")
            .problems(&[409]),
        get("/folders/{id}/proposals", Right::SeeBodies, inquiries::proposals)
            .says("What registers propose for a folder's fields: an audited act.")
            .query::<inquiries::Whose>()
            .asks_why()
            .answers::<shapes::Proposals>(200, "The proposals, with their values.")
            .problems(&[409]),
        post("/folders/{id}/proposals/{number}/accept", Right::SaveFolders, inquiries::accept)
            .says("A person takes what is proposed over into the CSI product.")
            .query::<folders::OfEnte>()
            .answers::<shapes::ProposalDecided>(200, "It is accepted.")
            .problems(&[409]),
        post("/folders/{id}/proposals/{number}/decline", Right::SaveFolders, inquiries::decline)
            .says("A person declines what is proposed.")
            .query::<folders::OfEnte>()
            .answers::<shapes::ProposalDecided>(200, "It is declined.")
            .problems(&[409]),
        get("/inquiries/{id}", Right::SeeMetadata, inquiries::show)
            .says("Where a question to a register stands.")
            .answers::<shapes::InquiryStanding>(200, "The question."),
        get("/inquiries/{id}/answer", Right::SeeBodies, inquiries::answer)
            .says("A register's answer as it came, while it is kept: an audited act.")
            .asks_why()
            .answers::<shapes::InquiryAnswer>(200, "The documents.")
            .problems(&[409]),
    ]
}

fn of_work() -> Vec<Endpoint> {
    vec![
        get("/readiness", Right::SeeMetadata, status::readiness)
            .says("How ready each ente is for each flow.")
            .answers::<shapes::Readiness>(200, "The standings."),
        get("/events", Right::SeeMetadata, events::stream)
            .says("Server-sent events for live views: `run`, `submission`, `receipt`, `route`; `reload` where some were missed.")
            .header("Last-Event-ID", "The last event that was heard: what came since is told first.", Required::False)
            .answers_bytes(200, "Events, with a heartbeat.", "text/event-stream"),
        get("/findings", Right::SeeMetadata, status::findings)
            .says("The rules that speak most often.")
            .query::<status::Of>()
            .answers::<shapes::RuleCounts>(200, "Rules with their counts."),
        get("/runs", Right::SeeMetadata, runs::list)
            .says("Runs, newest first.")
            .query::<runs::Many>()
            .answers::<shapes::Runs>(200, "Runs with their balances."),
        post("/runs", Right::Report, runs::start)
            .says("Starts a report: everything of a flow that begins by the period's end is brought up to date.")
            .takes::<runs::StartRun>()
            .answers::<shapes::Run>(201, "The run.")
            .problems(&[404, 409]),
        get("/runs/{id}", Right::SeeMetadata, runs::show)
            .says("One run with its balance.")
            .answers::<shapes::Run>(200, "The run."),
        post("/runs/{id}/approve", Right::Decide, runs::approve)
            .says("Lets the cancels go that a run held.")
            .answers::<shapes::Approved>(200, "They go.")
            .problems(&[409]),
        post("/runs/{id}/cancel", Right::Report, runs::cancel)
            .says("Takes back what has not left and is wanted by no other run.")
            .answers::<shapes::Run>(200, "The run.")
            .problems(&[409]),
        get("/calendar", Right::SeeMetadata, calendar::show)
            .says("The reporting calendar: what comes, what came last, what was missed.")
            .answers::<shapes::Calendar>(200, "The entries."),
        get("/forecast", Right::SeeMetadata, forecast::show)
            .says("When every run that is not over will end at its present pace, and what holds it up.")
            .answers::<shapes::Forecasts>(200, "The forecasts, newest run first."),
        get("/alerts", Right::SeeMetadata, forecast::alerts)
            .says("What operators were told of: alerts that are open, and the last that ended.")
            .answers::<shapes::Alerts>(200, "The alerts."),
        get("/indicators", Right::SeeMetadata, indicators::show)
            .says("Indicators of an ente and a period, counted anew; CSV for who accepts that.")
            .query::<indicators::Asked>()
            .answers::<shapes::Indicators>(200, "The document; CSV where it is preferred.")
            .problems(&[404, 409]),
        post("/replay", Right::Report, replay::start)
            .says("What today's mapping would change of stored records; with `dry_run: false` it is sent.")
            .takes::<replay::Replay>()
            .answers::<shapes::DryRunTold>(200, "What would change; nothing is written.")
            .answers::<shapes::Runs>(201, "The runs that send what changed.")
            .problems(&[404, 409]),
    ]
}

fn of_operations() -> Vec<Endpoint> {
    vec![
        get("/operations", Right::SeeMetadata, records::operations)
            .says("Operations, newest first.")
            .query::<records::Which>()
            .answers::<shapes::Operations>(200, "The operations."),
        post("/operations/{id}/decision", Right::Decide, records::decide)
            .says("A person says what the register holds of an uncertain or parked operation.")
            .takes::<records::Decided>()
            .answers::<shapes::OperationState>(200, "It is decided.")
            .problems(&[409]),
        post("/operations/{id}/try-again", Right::Resend, records::try_again)
            .says("A refused operation goes again, as it is, with the next run or sync.")
            .answers_nothing(204, "It may go again.")
            .problems(&[409]),
        post("/operations/{id}/park", Right::Resend, records::park)
            .says("Stops a queued operation before it leaves.")
            .answers_nothing(204, "It stays here until a person lets it go on.")
            .problems(&[409]),
        post("/operations/{id}/unpark", Right::Resend, records::unpark)
            .says("A parked operation that never left goes on, as the folder maps by now.")
            .answers::<shapes::OperationState>(200, "It goes on, or is no longer needed.")
            .problems(&[409]),
        get("/operations/{id}/explain", Right::SeeMetadata, explain::operation)
            .says("What a recipient answered to one operation.")
            .query::<explain::Asked>()
            .header("Raccordo-Reason", "Why you look; needed with `body`.", Required::False)
            .answers::<shapes::ExplainedOperations>(200, "The explanation."),
    ]
}

fn of_submissions() -> Vec<Endpoint> {
    vec![
        get("/submissions/{name}", Right::SeeMetadata, records::submission)
            .says("One container with its operations, attempts and receipts.")
            .answers::<shapes::Submission>(200, "The container."),
        get("/submissions/{name}/payload", Right::SeeBodies, records::payload)
            .says("A container's bytes: an audited act.")
            .asks_why()
            .answers::<shapes::Payload>(200, "The payload.")
            .problems(&[409]),
        post("/submissions/{name}/resend", Right::Resend, records::resend)
            .says("What a recipient refused of a container goes again, now, as the folders map today.")
            .answers::<shapes::Resent>(200, "It goes again.")
            .problems(&[409]),
        post("/submissions/{name}/outcome", Right::Decide, records::outcome)
            .says("What the portal said of a file.")
            .takes::<Vec<records::OutcomeRow>>()
            .answers::<shapes::OutcomeStored>(200, "It is stored.")
            .problems(&[409]),
        get("/submissions/{name}/explain", Right::SeeMetadata, explain::submission)
            .says("Every operation of a container that was not simply accepted, explained.")
            .query::<explain::Asked>()
            .header("Raccordo-Reason", "Why you look; needed with `body`.", Required::False)
            .answers::<shapes::SubmissionExplained>(200, "The explanations."),
        get("/receipts/strange", Right::SeeMetadata, records::strange)
            .says("Receipts that fit nothing we sent, or contradict what we know.")
            .answers::<shapes::Receipts>(200, "The receipts."),
        post("/adopt", Right::Decide, records::adopt)
            .says("Reads a container that a former system sent and that was accepted.")
            .query::<records::Former>()
            .takes_bytes(&[BYTES], ADOPT_MOST)
            .answers::<shapes::Adopted>(200, "What it brought.")
            .problems(&[409, 422]),
    ]
}

fn of_search() -> Vec<Endpoint> {
    vec![
        get("/submissions", Right::SeeMetadata, search::list)
            .says("Searches operations and their containers, newest first, page after page by `next`.")
            .query::<search::Asked>()
            .answers::<shapes::Hits>(
                200,
                "A page; it may hold fewer than asked for and still have a next one.",
            ),
        post("/submissions/search", Right::SeeBodies, search::of_person)
            .says("Searches for what was sent of one person, by an identifier: an audited act.")
            .asks_why()
            .takes::<search::AskedOfPerson>()
            .answers::<shapes::Hits>(
                200,
                "A page; it may hold fewer than asked for and still have a next one.",
            ),
    ]
}

fn of_routes() -> Vec<Endpoint> {
    vec![
        get("/routes", Right::SeeMetadata, status::routes)
            .says("How each route stands.")
            .answers::<shapes::Routes>(200, "The routes."),
        post("/routes/{id}/resume", Right::OperateRoutes, status::resume)
            .says("A person has looked: the route goes on.")
            .answers_nothing(204, "It goes on."),
        post("/routes/{id}/suspend", Right::OperateRoutes, status::suspend)
            .says("Stops a route; its open operations stay where they are.")
            .answers_nothing(204, "It is stopped."),
        post("/routes/{id}/files", Right::Report, status::files)
            .says("Builds the bulk containers of a file route that are due, now.")
            .answers::<shapes::Files>(200, "The files.")
            .problems(&[409]),
    ]
}

fn of_flows(folder_most: usize) -> Vec<Endpoint> {
    vec![
        get("/flows", Right::SeeMetadata, trial::flows)
            .says("The flows that there are, with purpose and legal basis.")
            .answers::<shapes::Flows>(200, "The flows."),
        get("/flows/{family}/{version}", Right::SeeMetadata, trial::flow)
            .says("One flow's mapping as a table, and its rules.")
            .answers::<shapes::FlowTable>(200, "The table."),
        post("/try", Right::Try, trial::run)
            .says("Maps and validates a folder that is not stored: findings, payloads, and which row made what.")
            .takes::<trial::Trial>()
            .most(folder_most)
            .answers::<shapes::Tried>(200, "What the flow makes of it.")
            .problems(&[404, 422]),
        get("/coverage", Right::SeeMetadata, flows::coverage)
            .says("What becomes of each field of the folder, and how many stored folders fill it.")
            .query::<flows::Covered>()
            .answers::<shapes::Coverage>(200, "Per flow and field.")
            .problems(&[404]),
        post("/upgrade-impact", Right::Try, flows::upgrade_impact)
            .says("What another version of a flow would change; nothing is written.")
            .takes::<flows::Upgrade>()
            .answers::<shapes::UpgradeImpact>(200, "The differences.")
            .problems(&[404, 409]),
        get("/keys", Right::SeeMetadata, keys::list)
            .says("How the keys of pseudonyms stand.")
            .answers::<shapes::Keys>(200, "The keys, by fingerprints."),
        post("/keys/{ente}/{name}/accept", Right::OperateRoutes, keys::accept)
            .says("From now on pseudonyms are made with the configured key.")
            .takes::<keys::Accepted>()
            .answers_nothing(204, "It is accepted.")
            .problems(&[409]),
    ]
}

fn of_administration() -> Vec<Endpoint> {
    vec![
        get("/nodes", Right::SeeMetadata, status::nodes)
            .says("The processes of this installation that live, and what one of them at a time does.")
            .answers::<shapes::Nodes>(200, "Processes and duties."),
        get("/accounts", Right::ManageAccounts, accounts::list)
            .says("Accounts of the console.")
            .answers::<shapes::Accounts>(200, "The accounts."),
        post("/accounts", Right::ManageAccounts, accounts::add)
            .says("Makes an account.")
            .takes::<accounts::NewAccount>()
            .answers_nothing(201, "It is made.")
            .problems(&[409]),
        post("/accounts/{name}", Right::ManageAccounts, accounts::change)
            .says("Another password, disabled, enabled; whoever is signed in is signed out.")
            .takes::<accounts::Change>()
            .answers_nothing(204, "It is changed."),
        get("/tokens", Right::ManageAccounts, tokens::list)
            .says("Tokens of the API, those of the configuration apart.")
            .answers::<shapes::Tokens>(200, "The tokens, by name."),
        post("/tokens", Right::ManageAccounts, tokens::add)
            .says("Makes a token, which is told this once.")
            .takes::<tokens::NewToken>()
            .answers::<shapes::MadeToken>(201, "The token.")
            .problems(&[409]),
        post("/tokens/{name}/revoke", Right::ManageAccounts, tokens::revoke)
            .says("Ends a token now.")
            .answers_nothing(204, "It lets nobody in any more."),
        get("/audit", Right::ReadAudit, status::events)
            .says("Events of the audit journal, newest first.")
            .query::<status::Before>()
            .answers::<shapes::AuditPage>(200, "A page."),
        get("/audit/verify", Right::ReadAudit, status::audit)
            .says("Recomputes the whole chain of audit events.")
            .answers::<shapes::AuditVerdict>(200, "Whether it holds."),
    ]
}
