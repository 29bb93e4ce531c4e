// Copies what the console's pages load from node_modules to dist/, with the licences of what is copied.
// Nothing is compiled: the packages bring finished files.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const from = (path) => join(here, "node_modules", path);
const dist = join(here, "dist");

const files = [
  ["bootstrap-italia/dist/css/bootstrap-italia.min.css", "css/bootstrap-italia.min.css"],
  ["bootstrap-italia/LICENSE", "licences/bootstrap-italia.txt"],
  ["bootstrap-italia/dist/fonts/Titillium_Web/OFL.txt", "licences/titillium-web.txt"],
  ["bootstrap-italia/dist/fonts/Roboto_Mono/LICENSE.txt", "licences/roboto-mono.txt"],
  ["htmx.org/dist/htmx.min.js", "htmx.min.js"],
  ["htmx.org/LICENSE", "licences/htmx.txt"],
];
for (const weight of ["regular", "italic", "600", "700"]) {
  const file = `titillium-web-v10-latin-ext_latin-${weight}.woff2`;
  files.push([`bootstrap-italia/dist/fonts/Titillium_Web/${file}`, `fonts/${file}`]);
}
for (const weight of ["regular", "700"]) {
  const file = `roboto-mono-v13-latin-ext_latin-${weight}.woff2`;
  files.push([`bootstrap-italia/dist/fonts/Roboto_Mono/${file}`, `fonts/${file}`]);
}

rmSync(dist, { recursive: true, force: true });
for (const [source, target] of files) {
  mkdirSync(dirname(join(dist, target)), { recursive: true });
  cpSync(from(source), join(dist, target));
}

// The face of a video player that no page of ours has, written into the style itself: the pages' policy
// takes fonts from files only.
const style = join(dist, "css/bootstrap-italia.min.css");
const slim = readFileSync(style, "utf8").replace(/@font-face\{font-family:VideoJS;[^}]*\}/g, "");
writeFileSync(style, slim);
