//! The Italian of what people read: API problems, and what commands say to officials.
//!
//! The key is the English sentence where it is said, with `{}` for what changes; what stands in a
//! hole is put into Italian too where this table has it. A sentence that changes in the code and
//! not here fails a test (`tests/it/speech.rs`).

/// English, Italian: all of them.
pub fn sentences() -> impl Iterator<Item = (&'static str, &'static str)> {
    SENTENCES.iter().chain(super::italian_commands::SENTENCES).copied()
}

/// Of the API.
const SENTENCES: &[(&str, &str)] = &[
    // Titles of problems (RFC 9110, 15).
    ("Bad Request", "Richiesta errata"),
    ("Unauthorized", "Non autenticato"),
    ("Forbidden", "Non autorizzato"),
    ("Not Found", "Non trovato"),
    ("Method Not Allowed", "Metodo non ammesso"),
    ("Conflict", "Conflitto"),
    ("Payload Too Large", "Contenuto troppo grande"),
    ("Unprocessable Entity", "Contenuto non valido"),
    ("Internal Server Error", "Errore interno"),
    ("Service Unavailable", "Servizio non disponibile"),
    // Problems of the API.
    (
        "A bearer token of this installation that has not ended is needed: `raccordo token add NAME --role ROLE` \
         makes one.",
        "Serve un token di questa installazione che non sia scaduto: `raccordo token add NOME --role RUOLO` ne \
         crea uno.",
    ),
    (
        "The path names this resource wrongly: where it takes a number, write digits only.",
        "Il percorso nomina male la risorsa: dove serve un numero, scrivere solo cifre.",
    ),
    (
        "The query is not understood: numbers are digits, flags are `true` or `false`, and what the resource \
         needs must be there, each name once.",
        "I parametri non si capiscono: i numeri sono cifre, le opzioni `true` o `false`, e ciò che serve alla \
         risorsa dev'esserci, ogni nome una volta sola.",
    ),
    (
        "The body is larger than this resource takes.",
        "Il corpo è più grande di quanto questa risorsa accetti.",
    ),
    (
        "The body broke off before its end: send it again.",
        "Il corpo si è interrotto prima della fine: inviarlo di nuovo.",
    ),
    ("The body is not valid JSON ({}).", "Il corpo non è JSON valido ({})."),
    ("The body does not fit: expected {} ({}).", "Il corpo non va bene: atteso {} ({})."),
    ("The body does not fit: {} ({}).", "Il corpo non va bene: {} ({})."),
    ("The body does not fit ({}).", "Il corpo non va bene ({})."),
    ("missing field {}", "manca il campo {}"),
    ("line {}, column {}", "riga {}, colonna {}"),
    (
        "An act panicked; nothing of it took effect. See the log.",
        "Un atto è fallito per un difetto del programma; non ha avuto alcun effetto. Vedere il registro \
         degli eventi.",
    ),
    (
        "The folder's `id` differs from the one in the path.",
        "L'`id` della cartella è diverso da quello del percorso.",
    ),
    (
        "Several enti have a folder with this id: add `?ente=CODE`.",
        "Più enti hanno una cartella con questo id: aggiungere `?ente=CODICE`.",
    ),
    (
        "`import` is 16 to 64 letters, digits or hyphens, new for each import.",
        "`import` è fatto di 16-64 lettere, cifre o trattini, nuovi per ogni importazione.",
    ),
    ("No flow goes to a register `{}`.", "Nessun tracciato va a un registro `{}`."),
    (
        "The folder is not valid: nothing was saved. The findings say where and what to do.",
        "La cartella non è valida: nulla è stato salvato. I rilievi dicono dove e che cosa fare.",
    ),
    (
        "There is no such resource; the API begins at /api/v1.",
        "Questa risorsa non c'è; l'API comincia da /api/v1.",
    ),
    ("This resource does not take this method.", "Questa risorsa non ammette questo metodo."),
    ("There is no submission of this name.", "Non c'è alcun invio con questo nome."),
    (
        "`outcome` is one of accepted, refused, not_found, failed.",
        "`outcome` è uno fra accepted (accettato), refused (rifiutato), not_found (non trovato), failed \
         (fallito).",
    ),
    ("There is no run {}.", "La rendicontazione {} non c'è."),
    ("There is no route {}.", "La rotta {} non c'è."),
    ("There is no inquiry {}.", "L'interrogazione {} non c'è."),
    (
        "The person may not be asked about: the findings say why.",
        "Della persona non si può chiedere: i rilievi dicono perché.",
    ),
    // What acts answer.
    ("{} is not in the ledger", "{} non è nel giornale"),
    ("run {}", "la rendicontazione {}"),
    ("folder {}", "la cartella {}"),
    ("operation {}", "l'operazione {}"),
    ("submission {}", "l'invio {}"),
    ("route {}", "la rotta {}"),
    ("record {} of this folder", "il record {} di questa cartella"),
    ("the ledger could not be read or written: {}", "il giornale non si è potuto leggere o scrivere: {}"),
    (
        "operation {} is {}: only an uncertain or parked one is decided by a person",
        "lo stato dell'operazione {} è «{}»: una persona decide solo di una incerta o sospesa",
    ),
    (
        "operation {} is {}: only one that has not left can be parked",
        "lo stato dell'operazione {} è «{}»: si sospende solo una che non è ancora partita",
    ),
    (
        "operation {} has left or is not parked: say what the register holds of it instead",
        "l'operazione {} è partita o non è sospesa: dire piuttosto che cosa ne ha il registro",
    ),
    (
        "The person of this folder was erased: it cannot be read, and nothing can be saved under its id.",
        "La persona di questa cartella è stata cancellata: non si può leggere, e con il suo identificativo non si \
         può salvare nulla.",
    ),
    (
        "operation {} is not a record's newest refusal: there is nothing to try again",
        "l'operazione {} non è l'ultimo rifiuto di un record: non c'è nulla da ritentare",
    ),
    (
        "operation {} is {}: its receipt must come first",
        "lo stato dell'operazione {} è «{}»: prima deve arrivare il suo esito",
    ),
    (
        "older: revision {} of folder {} is stored already",
        "revisione più vecchia: della cartella c'è già la revisione {} ({})",
    ),
    (
        "duplicate: this import has already brought a folder with this id: the first one stands",
        "doppione: questa importazione ha già portato una cartella con questo id: vale la prima",
    ),
    ("route {} writes no files", "la rotta {} non scrive file"),
    ("ente {} has no key {} in its configuration", "la configurazione dell'ente {} non ha una chiave {}"),
    (
        "the fingerprint is not that of the configured key {} of ente {}",
        "l'impronta non è quella della chiave {} configurata per l'ente {}",
    ),
    (
        "the key {} of ente {} has not changed: there is nothing to accept",
        "la chiave {} dell'ente {} non è cambiata: non c'è nulla da accettare",
    ),
    ("the key {} changed meanwhile: save again", "la chiave {} è cambiata nel frattempo: salvare di nuovo"),
    (
        "Ente {} makes pseudonyms with its key {} of now: save its folders again, or replay them.",
        "L'ente {} fa gli pseudonimi con la chiave {} di adesso: salvare di nuovo le sue cartelle, o \
         rielaborarle.",
    ),
    ("a container cannot be built: {}", "un contenitore non può essere costruito: {}"),
    ("the container carries no record `{}`", "il contenitore non porta alcun record `{}`"),
    (
        "several folders have a record `{}`: write FOLDER/{}",
        "più cartelle hanno un record `{}`: scrivere CARTELLA/{}",
    ),
    (
        "{} did not leave as a file: its register answers by itself",
        "{} non è partito come file: il suo registro risponde da sé",
    ),
    (
        "the folder maps to nothing today that the register could hold",
        "oggi la cartella non produce nulla che il registro possa avere",
    ),
    (
        "there is no flow `{}`: `raccordo check` lists those that there are",
        "il tracciato `{}` non c'è: `raccordo check` elenca quelli che ci sono",
    ),
    ("there is no flow `{}`", "il tracciato `{}` non c'è"),
    (
        "no flow asks a register `{}` about persons",
        "nessun tracciato interroga un registro `{}` sulle persone",
    ),
    (
        "ente `{}` has no route by which the register `{}` is asked: add a [[route]] of the channel `inquiry` to \
         the configuration",
        "l'ente `{}` non ha rotte per interrogare il registro `{}`: aggiungere alla configurazione una [[route]] \
         del canale `inquiry`",
    ),
    ("proposal {} of this folder", "la proposta {} di questa cartella"),
    ("the answer to inquiry {}", "la risposta all'interrogazione {}"),
    ("proposal {} is over: nothing is to be decided", "la proposta {} è superata: non c'è nulla da decidere"),
    (
        "ente `{}` has no route to the register `{}`: add a [[route]] to the configuration",
        "l'ente `{}` non ha rotte verso il registro `{}`: aggiungere una [[route]] alla configurazione",
    ),
    ("there is no folder `{}` of this ente", "questo ente non ha una cartella `{}`"),
    (
        "the file carries no record of `{}`: is it of another tracciato or version?",
        "il file non porta record di `{}`: è di un altro tracciato o di un'altra versione?",
    ),
    (
        "`{}` is not a period: write a year (2026), a quarter (2026-T3), a month (2026-07), or all up to a day \
         (to-2026-11-23)",
        "`{}` non è un periodo: scrivere un anno (2026), un trimestre (2026-T3), un mese (2026-07), o tutto fino a \
         un giorno (to-2026-11-23)",
    ),
    (
        "another raccordo process works on the ledger in {}: stop it, or send the command to it (raccordo does \
         so by itself while `raccordo serve` runs with the same configuration)",
        "un altro processo raccordo lavora sul giornale in {}: fermarlo, o mandargli il comando (raccordo lo fa \
         da sé mentre `raccordo serve` è attivo con la stessa configurazione)",
    ),
    ("run {} was cancelled: start another", "la rendicontazione {} è stata annullata: avviarne un'altra"),
    ("`{}` is no state: one of {}", "`{}` non è uno stato: uno fra {}"),
    (
        "no version of `{}` is in force today: nothing can be mapped by it",
        "nessuna versione di `{}` è in vigore oggi: non può produrre nulla",
    ),
    ("`{}` is the version in force: name another one", "`{}` è la versione in vigore: indicarne un'altra"),
    // Accounts.
    (
        "an account's name has 2 to 64 letters, digits, dots, hyphens, `_` or `@`",
        "il nome di un'utenza ha da 2 a 64 lettere, cifre, punti, trattini, `_` o `@`",
    ),
    ("a password has at least 12 characters", "una password ha almeno 12 caratteri"),
    ("there is an account of this name already", "c'è già un'utenza con questo nome"),
    ("there is no account of this name", "non c'è un'utenza con questo nome"),
    ("name or password are wrong", "nome o password non sono giusti"),
    ("too many wrong passwords: try again later", "troppe password sbagliate: riprovare più tardi"),
    (
        "`role` is one of operator, reporting-officer, integrator, auditor, administrator.",
        "`role` è uno fra operator, reporting-officer, integrator, auditor, administrator.",
    ),
    ("Ente {} has no [[ente]] table.", "L'ente {} non ha una tabella [[ente]]."),
    // Rights, tokens, reasons.
    ("No [[route]] leads to the register {}.", "Nessuna [[route]] porta al registro {}."),
    ("This takes the right to {}.", "Per questo serve il diritto di {}."),
    (
        "The right to {} was given for other enti or registers only.",
        "Il diritto di {} è stato dato solo per altri enti o registri.",
    ),
    ("see how things stand", "vedere come stanno le cose"),
    ("see folders and payloads", "vedere cartelle e contenuti inviati"),
    ("see a person's history", "vedere la storia di una persona"),
    ("save folders", "salvare cartelle"),
    ("send a single folder", "inviare una singola cartella"),
    ("start and cancel reports", "avviare e annullare rendicontazioni"),
    ("decide what is held or unclear", "decidere di ciò che è fermo o incerto"),
    ("send again", "inviare di nuovo"),
    ("operate routes", "governare le rotte"),
    ("try mappings", "provare i tracciati"),
    ("read the audit journal", "leggere il giornale di audit"),
    ("manage accounts and tokens", "gestire utenze e token"),
    ("erase a person", "cancellare una persona"),
    (
        "The right to save folders was given for other enti only.",
        "Il diritto di salvare cartelle è dato solo per altri enti.",
    ),
    (
        "Say why you look: a reason of 3 to 200 characters, in the header Raccordo-Reason or the parameter \
         `reason`.",
        "Dire perché si guarda: un motivo di 3-200 caratteri, nell'intestazione Raccordo-Reason o nel parametro \
         `reason`.",
    ),
    (
        "The reason stays in the journal for ever: it names no person and no codice fiscale.",
        "Il motivo resta per sempre nel giornale: non nomina persone né codici fiscali.",
    ),
    (
        "a token's name has 2 to 64 letters, digits, dots, hyphens, `_` or `@`",
        "il nome di un token ha da 2 a 64 lettere, cifre, punti, trattini, `_` o `@`",
    ),
    ("a token lives from 1 to 1100 days", "un token vive da 1 a 1100 giorni"),
    ("there is a token of this name already", "c'è già un token con questo nome"),
    ("there is no token of this name that still counts", "non c'è un token con questo nome che valga ancora"),
    ("the container carries nothing any more", "il contenitore non porta più nulla"),
    ("`today` is a day such as 2026-11-23.", "`today` è un giorno come 2026-11-23."),
    ("`cursor` is `next` of the page before.", "`cursor` è il `next` della pagina precedente."),
    (
        "Nothing of this container was refused: there is nothing to send again.",
        "Nulla di questo contenitore è stato rifiutato: non c'è nulla da inviare di nuovo.",
    ),
    // How requests are made.
    ("Request Timeout", "Richiesta troppo lenta"),
    ("Precondition Failed", "Condizione non soddisfatta"),
    ("Too Many Requests", "Troppe richieste"),
    (
        "Too many requests with this token: the header Retry-After says when to go on.",
        "Troppe richieste con questo token: l'intestazione Retry-After dice quando proseguire.",
    ),
    ("The body came too slowly: send it again.", "Il corpo arrivava troppo piano: inviarlo di nuovo."),
    (
        "If-Match takes one tag as the folder's ETag told it, or `*`; If-None-Match takes `*`.",
        "If-Match vuole un'etichetta come l'ha detta l'ETag della cartella, o `*`; If-None-Match vuole `*`.",
    ),
    (
        "the stored folder is another one than the request asks for: read it again",
        "la cartella salvata non è quella che la richiesta vuole: leggerla di nuovo",
    ),
    ("This resource takes no Idempotency-Key.", "Questa risorsa non ammette una Idempotency-Key."),
    (
        "An Idempotency-Key has 8 to 255 visible characters: a UUID, new for each act.",
        "Una Idempotency-Key ha da 8 a 255 caratteri visibili: uno UUID, nuovo per ogni atto.",
    ),
    (
        "Another request was sent with this Idempotency-Key: a key is for one request.",
        "Con questa Idempotency-Key è stata inviata un'altra richiesta: una chiave vale per una sola.",
    ),
    (
        "The request with this Idempotency-Key is being done: ask again in a moment.",
        "La richiesta con questa Idempotency-Key è in corso: riprovare fra un momento.",
    ),
    (
        "The answer is too large to be kept with its key.",
        "La risposta è troppo grande per essere conservata con la sua chiave.",
    ),
    // Search.
    (
        "`from` and `to` are days (2026-11-23) or moments (2026-11-23T09:00:00Z).",
        "`from` e `to` sono giorni (2026-11-23) o istanti (2026-11-23T09:00:00Z).",
    ),
    ("`{}` is not a state: {}", "`{}` non è uno stato: {}"),
    // Several processes.
    (
        "Too much is under way at the moment. Nothing was done: try again in a few seconds.",
        "In questo momento è in corso troppo lavoro. Non è stato fatto nulla: riprovare fra qualche secondo.",
    ),
    (
        "`{}` is no role: write one or more of api, planner, worker, scheduler, with commas between them",
        "`{}` non è un ruolo: scriverne uno o più fra api, planner, worker, scheduler, separati da virgole",
    ),
    (
        "a process needs a role: write one or more of api, planner, worker, scheduler, with commas between them",
        "un processo ha bisogno di un ruolo: scriverne uno o più fra api, planner, worker, scheduler, separati \
         da virgole",
    ),
    (
        "off duty: another process has taken over {}",
        "fuori servizio: un altro processo ha preso in carico {}",
    ),
    (
        "the key file in {} is not the one by which this installation seals: copy `raccordo.key` from a \
         process that works, and start again",
        "il file della chiave in {} non è quello con cui questa installazione sigilla: copiare `raccordo.key` \
         da un processo che funziona, e riavviare",
    ),
    (
        "the process cannot join those that share its ledger: {}",
        "il processo non può unirsi a quelli che condividono il suo giornale: {}",
    ),
];
