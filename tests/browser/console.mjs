// Drives the console in Chromium: sign-in, every page in both languages and both styles, each page's
// main path, axe on what is shown, no script but ours, no word of the policy broken. Started by
// tests/it/console/browser.rs, which prepares the stage and says where it is.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const stage = JSON.parse(process.env.RACCORDO_STAGE);
const shots = process.env.RACCORDO_SHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const began = Date.now();
const wrong = [];
const must = (fact, what) => { if (!fact) wrong.push(what); };

// Patient: the machine may be building something else.
const browser = await chromium.launchPersistentContext(process.env.RACCORDO_PROFILE, {
  executablePath: process.env.RACCORDO_CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1280, height: 900 },
  acceptDownloads: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
browser.setDefaultTimeout(20000);
const page = browser.pages()[0] ?? await browser.newPage();
page.on("dialog", (dialog) => { wrong.push(`a dialog opened: ${dialog.message()}`); dialog.dismiss(); });
page.on("pageerror", (error) => wrong.push(`a script failed: ${error}`));
// A page that is answered with a refusal on purpose says so in the console: only the policy counts.
page.on("console", (message) => {
  if (message.type() === "error" && /Content Security Policy|htmx/.test(message.text())) wrong.push(message.text().slice(0, 300));
});

const go = async (path) => {
  const answer = await page.goto(stage.base + path, { waitUntil: "load" });
  must(answer.status() < 400, `${path}: ${answer.status()}`);
};
const shoot = (name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
const judge = async (where) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const one of found.violations) {
    const at = one.nodes.slice(0, 3).map((node) => `${node.target} ${node.any.map((any) => any.message).join("; ")}`);
    wrong.push(`${where}: axe ${one.id} (${one.impact}): ${at.join(" | ")}`);
  }
};
const wide = async (where) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  must(over <= 1, `${where}: ${over} px wider than the screen`);
};
const step = async (name, act) => {
  const from = Date.now();
  try {
    await act();
  } catch (error) {
    wrong.push(`${name}: ${String(error).split("\n").slice(0, 3).join(" ")}`);
    await shoot(`failed-${name}`).catch(() => {});
  }
  if (process.env.RACCORDO_TIMES) console.log(`${name}: ${Date.now() - from} ms`);
};

const PAGES = [
  ["oggi", "/console"],
  ["cartella-cerca", "/console/cartelle"],
  ["cartella", `/console/cartelle/H501/${stage.folder}`],
  ["rendicontazioni", "/console/rendicontazioni"],
  ["rendicontazione", "/console/rendicontazioni/1"],
  ["invii", "/console/invii"],
  ["invio", `/console/invii/${stage.refused}`],
  ["destinatari", "/console/destinatari"],
  ["tracciati", "/console/tracciati"],
  ["tracciato", `/console/tracciati/${stage.flow}`],
  ["banco", `/console/banco?tracciato=${stage.flow}`],
  ["giornale", "/console/giornale?verifica=true"],
];

await step("sign-in", async () => {
  await go("/console/invii");
  await judge("sign-in");
  await shoot("accesso");
  // By keyboard alone.
  await page.locator("#nome").focus();
  await page.keyboard.type(stage.name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(stage.password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/console/invii");
});

await page.waitForLoadState("load");
const designed = await page.locator("link[href*='bootstrap-italia']").count() > 0;
must(designed, "the design system is not in this binary: `make assets` before the build");

for (const language of ["it", "en"]) {
  await go(`/console/lingua/${language}?poi=/console`);
  for (const [name, path] of PAGES) {
    await step(`${name}-${language}`, async () => {
      await go(path);
      must(await page.getAttribute("html", "lang") === language, `${name}: not in ${language}`);
      must(await page.locator("h1").count() === 1, `${name}: one h1`);
      await judge(`${name} ${language}`);
      if (language === "it") await shoot(name);
    });
  }
}

await go("/console/lingua/it?poi=/console");
await page.setViewportSize({ width: 360, height: 740 });
for (const [name, path] of PAGES) {
  await step(`${name}-phone`, async () => {
    await go(path);
    await wide(name);
    await shoot(`${name}-telefono`);
  });
}
await step("phone-axe", async () => { await go("/console"); await judge("oggi phone"); });
await page.setViewportSize({ width: 1280, height: 900 });

await step("skip-link", async () => {
  await go("/console");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  must(await page.evaluate(() => document.activeElement.id) === "contenuto", "the skip link leads to the content");
});

await step("send-now", async () => {
  await go("/console/cartelle");
  await page.selectOption("#ente", "H501");
  await page.fill("#id", stage.fresh);
  await page.getByRole("button", { name: "Apri" }).click();
  await page.waitForURL(`**/${stage.fresh}`);
  await page.getByRole("button", { name: /^Invia ora/ }).first().click();
  await page.locator(".status .badge", { hasText: "in coda" }).first().waitFor();
  must(page.url().endsWith(stage.fresh), "send now stays on the page");
  await shoot("invia-ora");
});

await step("bodies", async () => {
  await go(`/console/cartelle/H501/${stage.folder}`);
  await page.selectOption("#motivo", "rifiuto");
  await page.getByRole("button", { name: "Apri i dati" }).click();
  const pair = page.locator(".payload .pair").first();
  await pair.hover();
  must(await page.locator("tr.marked").count() === 1, "the row of a value is marked");
  await judge("bodies");
  await shoot("cartella-dati");
  await go(`/console/invii/${stage.refused}`);
  await page.selectOption("#motivo", "rifiuto");
  await page.getByRole("button", { name: "Apri il contenuto" }).click();
  await page.locator("pre", { hasText: "<b>per l'ente</b>" }).waitFor();
  await judge("submission body");
  await shoot("invio-contenuto");
});

await step("report", async () => {
  await go("/console/rendicontazioni");
  await page.getByText("Nuova rendicontazione").click();
  await page.fill("#periodo", "2026");
  await page.getByRole("button", { name: "Avvia" }).click();
  await page.waitForURL("**/rendicontazioni/*");
  await page.getByText("il bilancio quadra").waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByText("Scarica CSV").click()]);
  const text = readFileSync(await file.path(), "utf8");
  must(text.split("\r\n").length > 3 && text.includes("ente;cartella"), "the file has the run's records");
});

await step("search-as-you-type", async () => {
  await go("/console/invii");
  const rows = page.locator("#risultati tbody tr");
  const before = await rows.count();
  await page.locator("#cerca").pressSequentially(stage.refused, { delay: 5 });
  await page.waitForFunction(() => document.querySelectorAll("#risultati tbody tr").length === 1);
  must(before > 1 && await rows.count() === 1, "the search narrows as one types");
  must(!page.url().includes("cerca"), "what one types is not in the address");
  await page.fill("#cerca", "");
  await page.selectOption("#stato", "refused");
  await page.waitForFunction((many) => {
    const now = document.querySelectorAll("#risultati tbody tr").length;
    return now > 0 && now < many;
  }, before);
});

await step("recipients", async () => {
  await go("/console/destinatari");
  await page.getByRole("button", { name: "Sospendi waas-H501" }).click();
  await page.getByRole("button", { name: "Riprendi waas-H501" }).waitFor();
  await shoot("destinatari-sospeso");
  await page.getByRole("button", { name: "Riprendi waas-H501" }).click();
  await page.getByRole("button", { name: "Sospendi waas-H501" }).waitFor();
});

const times = [];
await step("workbench", async () => {
  await go(`/console/banco?tracciato=${stage.flow}&caso=completo`);
  const area = page.locator("#cartella");
  await page.locator("#esito .badge", { hasText: "partirebbe" }).first().waitFor();
  const good = await area.inputValue();
  for (let round = 0; round < 6; round++) {
    // The mark is on the old answer: it goes with it when the new one comes.
    await page.evaluate(() => { document.querySelector("#esito").dataset.old = "yes"; });
    await area.fill(round % 2 ? good : good.replace(/"codice_fiscale": "[^"]*"/, '"codice_fiscale": "X"'));
    const at = Date.now();
    await page.waitForFunction(() => !document.querySelector("#esito").dataset.old, null, { polling: 10 });
    times.push(Date.now() - at);
    must(await page.locator("#esito .finding").count() > 0 === (round % 2 === 0), `workbench round ${round}`);
  }
  await page.locator(".payload .pair").first().hover();
  must(await page.locator("#esito tr.marked").count() === 1, "the row that made a value is marked");
  await shoot("banco-prova");
  await page.fill("#nome-caso", "caso di prova");
  const saving = page.getByRole("button", { name: "Scarica come caso" });
  const [file] = await Promise.all([page.waitForEvent("download"), saving.click()]);
  must(file.suggestedFilename() === "caso-di-prova.tar", `the case's name: ${file.suggestedFilename()}`);
});
times.sort((a, b) => a - b);
console.log(`workbench, from the last key to the result: median ${times[times.length >> 1]} ms, longest ${times.at(-1)} ms (150 of them on purpose)`);
must(times.at(-1) < 3000, "the workbench answers within three seconds");

await step("journal", async () => {
  await go("/console/giornale");
  await page.selectOption("#cosa", "folder-read");
  await page.getByRole("button", { name: "Filtra" }).click();
  must(await page.locator("tbody tr").count() >= 1, "who read a folder is in the journal");
  await page.fill("#id", stage.folder);
  await page.getByRole("button", { name: "Chiedi" }).click();
  await page.locator("h1", { hasText: stage.folder }).waitFor();
  await judge("lineage");
  await shoot("giornale-persona");
});

await step("html-stays-text", async () => {
  for (const [path, field] of [["/console/invii", "#cerca"], ["/console/invii", "#regola"], ["/console/cartelle", "#id"],
    ["/console/giornale", "#chi"], ["/console/giornale", "#di"], ["/console/rendicontazioni", "#periodo"],
    ["/console/banco", "#nome-caso"]]) {
    await go(path);
    if (path.endsWith("rendicontazioni")) await page.getByText("Nuova rendicontazione").click();
    const input = page.locator(field);
    await input.evaluate((one) => one.removeAttribute("maxlength"));
    await input.fill(stage.hostile);
    await input.press("Enter");
    await page.waitForLoadState("load");
    must(await page.locator("main img, main script").count() === 0, `${path} ${field}: HTML became part of the page`);
  }
  await go(`/console/banco?tracciato=${stage.flow}`);
  await page.fill("#cartella", `{"id": "${stage.hostile}", "${stage.hostile}": 1}`);
  await page.locator("#esito .finding").first().waitFor();
  must(await page.locator("#esito img, #esito script").count() === 0, "workbench: HTML became part of the page");
  await go(`/console/cartelle/H501/${stage.hostile_folder}`);
  await page.selectOption("#motivo", "correzione");
  await page.getByRole("button", { name: "Apri i dati" }).click();
  await page.getByText("Chiudi i dati").waitFor();
  must((await page.content()).includes("&lt;img src=x"), "the folder's hostile text is shown as text");
  must(await page.locator("main img, main script").count() === 0, "folder: HTML became part of the page");
});

// The plain style, for a binary that was built without Node.
await browser.route("**/css/bootstrap-italia.min.css", async (route) => {
  const answer = await browser.request.get(`${stage.base}/console/risorse/plain.css`);
  await route.fulfill({ contentType: "text/css", body: await answer.text() });
});
for (const [name, path] of PAGES.filter(([name]) => ["oggi", "cartella", "rendicontazione", "banco"].includes(name))) {
  await step(`${name}-plain`, async () => {
    await go(path);
    await judge(`${name} plain`);
    await wide(`${name} plain`);
    await shoot(`${name}-semplice`);
  });
}
await step("plain-phone", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await go("/console");
  await wide("oggi plain phone");
  await shoot("oggi-semplice-telefono");
});

// Without any script: read, search, send.
await step("without-script", async () => {
  const plain = await browser.browser()?.newContext?.({ javaScriptEnabled: false });
  if (!plain) return;
  await plain.addCookies(await browser.cookies());
  const still = await plain.newPage();
  await still.goto(`${stage.base}/console/invii?stato=refused`);
  must(await still.locator("#risultati tbody tr").count() > 0, "a search without script");
  await still.goto(`${stage.base}/console/cartelle/H501/${stage.fresh}`);
  await still.locator("form.act button").first().click();
  must(still.url().endsWith(stage.fresh), "send now without script leads back to the page");
  await plain.close();
});

await step("sign-out", async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await go("/console");
  await page.getByRole("button", { name: "Esci" }).click();
  await page.waitForURL("**/console/entra");
});

await browser.close();
console.log(`${((Date.now() - began) / 1000).toFixed(1)} s, ${wrong.length} wrong`);
for (const line of wrong) console.log(`- ${line}`);
process.exit(wrong.length ? 1 : 0);
