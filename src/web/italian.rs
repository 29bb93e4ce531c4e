//! The Italian of what people read: API problems, and what commands say to officials.
//!
//! The key is the English sentence where it is said, with `{}` for what changes; what stands in a
//! hole is put into Italian too where this table has it. A sentence that changes in the code and
//! not here fails a test (`tests/it/speech.rs`).

/// English, Italian.
pub const SENTENCES: &[(&str, &str)] = &[
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
    ("This token does not speak for this ente.", "Questo token non parla per questo ente."),
    (
        "This token speaks for single enti; this act concerns all.",
        "Questo token parla per singoli enti; questo atto li riguarda tutti.",
    ),
    (
        "A bearer token of this installation is needed: `raccordo token new NAME` makes one.",
        "Serve un token di questa installazione: `raccordo token new NOME` ne crea uno.",
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
    // What commands say.
    ("ente {}", "ente {}"),
    (
        "no ente is configured: add an [[ente]] table to the configuration",
        "nessun ente è configurato: aggiungere una tabella [[ente]] alla configurazione",
    ),
    ("the running raccordo did not answer", "il raccordo in funzione non ha risposto"),
    (
        "{} cancels wait in run {}: look at them, then `raccordo runs approve {}`",
        "{} cancellazioni attendono nella rendicontazione {}: guardarle, poi `raccordo runs approve {}`",
    ),
    (
        "{} records of run {} were approved and are queued.",
        "{} record della rendicontazione {} sono approvati e in coda.",
    ),
    (
        "No report starts by itself: add a [[calendar]] table to the configuration.",
        "Nessuna rendicontazione parte da sé: aggiungere una tabella [[calendar]] alla configurazione.",
    ),
    ("{} days", "{} giorni"),
    ("over by {} days", "scaduto da {} giorni"),
    ("{}, last, {}: deadline {}", "{}, ultima, {}: scadenza {}"),
    (
        "{}: {} of {} for {} {}: {}; `raccordo report --ente {} --flow {} --period {}` starts it by hand",
        "{}: {} di {} per {} {}: {}; `raccordo report --ente {} --flow {} --period {}` la avvia a mano",
    ),
    (
        "its window was over when this installation came back",
        "la sua finestra era passata quando l'installazione è tornata in funzione",
    ),
    ("No stored record is selected.", "Nessun record conservato è selezionato."),
    (
        "Nothing was written. `--start` sends what is fixed, changed, new or gone.",
        "Nulla è stato scritto. `--start` invia ciò che è corretto, cambiato, nuovo o sparito.",
    ),
    (
        "say what you found out: --holds, --does-not-hold, or --try-again for a refused one",
        "dire che cosa si è visto: --holds (il registro lo ha), --does-not-hold (non lo ha), o --try-again per \
         una rifiutata",
    ),
    (
        "Operation {} goes again with the next report or sync.",
        "L'operazione {} riparte con la prossima rendicontazione o sincronizzazione.",
    ),
    ("Operation {} is now {}.", "Lo stato dell'operazione {} ora è «{}»."),
    ("Recorded for {} operations.", "Registrato per {} operazioni."),
    ("give --all or --csv", "indicare --all o --csv"),
    ("line 1 must be `record,outcome,text`", "la riga 1 dev'essere `record,outcome,text`"),
    ("line {}: a comma and the outcome are missing", "riga {}: mancano una virgola e l'esito"),
    (
        "Route {} is suspended: nothing new leaves until `raccordo routes resume {}`.",
        "La rotta {} è sospesa: nulla di nuovo parte fino a `raccordo routes resume {}`.",
    ),
    ("Route {} goes on.", "La rotta {} riprende."),
    (
        "{} folders saved ({} with findings), {} not saved; {} records, {} of them withheld.",
        "{} cartelle salvate ({} con rilievi), {} non salvate; {} record, di cui {} trattenuti.",
    ),
    ("line {}, {}: {}", "riga {}, {}: {}"),
    ("importing", "importazione"),
    ("importing folders", "importazione delle cartelle"),
    ("importing changes", "importazione delle modifiche"),
    (
        "{}: {} holds {} records of adopted files that no folder maps to",
        "{}: {} ha {} record di file adottati che nessuna cartella produce",
    ),
    ("The chain is intact: {} events, head {}.", "La catena è integra: {} eventi, testa {}."),
    ("The chain is broken: {}.", "La catena è rotta: {}."),
    // The demo.
    ("1. {} people who do not exist, of {} enti", "1. {} persone che non esistono, di {} enti"),
    (
        "2. The report for {}: INPS polls, acquires, answers",
        "2. La rendicontazione per {}: INPS interroga, acquisisce, risponde",
    ),
    (
        "4. Some folders change, some benefits are annulled; the reports again",
        "4. Alcune cartelle cambiano, alcune prestazioni sono annullate; di nuovo le rendicontazioni",
    ),
    (
        "3. The health register: one transaction for each citizen, over {}",
        "3. Il registro sanitario: una transazione per ogni cittadino, attraverso {}",
    ),
    ("the embedded queue", "la coda interna"),
    (
        "5. One citizen, now: the health register while the official waits",
        "5. Un cittadino, ora: il registro sanitario mentre l'operatore aspetta",
    ),
    ("answered in {} ms", "risposta in {} ms"),
    ("all, health register", "tutti, registro sanitario"),
    ("the health register at work", "il registro sanitario al lavoro"),
    ("6. The books", "6. I registri a confronto"),
    (
        "7. The findings that an official would see most often",
        "7. I rilievi che un operatore vedrebbe più spesso",
    ),
    ("Where to look next:", "Dove guardare ora:"),
    ("{} s in all.", "{} s in tutto."),
    (
        "{} folders saved, {} with findings, {} not saved; {} records, {} of them withheld",
        "{} cartelle salvate, {} con rilievi, {} non salvate; {} record, di cui {} trattenuti",
    ),
    (
        "cancels were held in {} runs; a person looks and approves",
        "in {} rendicontazioni le cancellazioni sono state trattenute; una persona guarda e approva",
    ),
    ("the balances close", "i bilanci quadrano"),
    ("the balances DO NOT CLOSE", "i bilanci NON QUADRANO"),
    ("the books agree", "i registri concordano"),
    ("the books DO NOT AGREE", "i registri NON CONCORDANO"),
    ("the audit chain is intact ({} events)", "la catena degli eventi è integra ({} eventi)"),
    ("THE AUDIT CHAIN IS BROKEN: {}", "LA CATENA DEGLI EVENTI È ROTTA: {}"),
    ("what the simulated INPS wrote down", "ciò che l'INPS simulato ha annotato"),
    ("and beside it", "e accanto"),
    ("INPS at work", "INPS al lavoro"),
    // Heads of tables.
    ("run", "rendicontazione"),
    ("period", "periodo"),
    ("selected", "selezionati"),
    ("closes", "quadra"),
    ("yes", "sì"),
    ("flow", "tracciato"),
    ("records", "record"),
    ("ready", "pronti"),
    ("set aside", "accantonati"),
    ("vanished", "scomparsi"),
    ("at the register", "presso il registro"),
    ("differing", "da aggiornare"),
    ("absent", "assenti"),
    ("undecided", "da decidere"),
    ("operation", "operazione"),
    ("folder_id", "cartella"),
    ("kind", "tipo"),
    ("generation", "generazione"),
    ("state", "stato"),
    ("route", "rotta"),
    ("submission", "invio"),
    ("calendar", "calendario"),
    ("next", "prossima"),
    ("deadline", "scadenza"),
    ("slack", "margine"),
    ("last", "ultima"),
    ("came to", "com'è andata"),
    ("today's mapping", "con il tracciato di oggi"),
    ("field that differs", "campo che cambia"),
    ("folder", "cartella"),
    ("change", "che cosa cambia"),
    ("register holds", "presso il registro"),
    ("fields or rules", "campi o regole"),
    ("out", "in attesa di esito"),
    ("last_since", "ultimo `since`"),
    ("last_polled", "ultima interrogazione"),
    ("last_given", "ultimo dato"),
    ("suspended", "sospesa"),
    ("held by our books", "nei nostri libri"),
    ("held by theirs", "nei loro libri"),
    ("ente, register", "ente, registro"),
    ("differences", "differenze"),
    ("anomalies", "anomalie"),
    ("same", "uguali"),
    ("different", "diversi"),
    ("cancelled", "cancellati"),
    ("unmatched", "senza cartella"),
    ("skipped", "saltato"),
    // Where a record of a run stands.
    ("unchanged", "invariato"),
    ("set_aside", "accantonato"),
    ("held", "da approvare"),
    ("queued", "in coda"),
    ("sending", "in invio"),
    ("retrying", "da ritentare"),
    ("waiting", "in attesa"),
    ("uncertain", "incerto"),
    ("parked", "sospeso"),
    ("superseded", "superato"),
    ("accepted", "accettato"),
    ("refused", "rifiutato"),
    // What a replay would do, and what became of a date of the calendar.
    ("fixed", "corretto"),
    ("changed", "cambiato"),
    ("new", "nuovo"),
    ("gone", "sparito"),
    ("newly_withheld", "ora trattenuto"),
    ("still_withheld", "ancora trattenuto"),
    ("still_refused", "ancora rifiutato"),
    ("unreadable", "illeggibile"),
    ("started", "avviata"),
    ("missed", "mancata"),
    // What became of an imported line.
    ("saved", "salvata"),
    ("saved_with_findings", "salvata con rilievi"),
    ("invalid", "non valida"),
    ("older", "più vecchia"),
    ("duplicate", "doppia"),
    ("failed", "fallita"),
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
    ("password, shown only now: {}", "password, mostrata solo ora: {}"),
    ("account", "utenza"),
    ("role", "ruolo"),
    ("registers", "registri"),
    ("disabled", "disabilitata"),
    ("active", "attiva"),
];
