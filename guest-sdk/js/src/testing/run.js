// Bundles `*.test.ts` and `*.test.js` of a folder, each with the SDK and a host that is played, and
// runs them by `node --test`.
//
//     node .lithe/KIND/sdk/testing/run.js [FOLDER]
//
// Needs esbuild in a `node_modules` of the folder that it is run in, or around it.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const { build } = createRequire(join(process.cwd(), "package.json"))("esbuild");
const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? ".");

const tests = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(\.|node_modules$)/.test(entry.name) ? [] : tests(path);
    return /\.test\.[jt]s$/.test(entry.name) ? [path] : [];
  });
const entryPoints = tests(folder);
if (!entryPoints.length) {
  console.error(`there is no \`*.test.ts\` or \`*.test.js\` in ${folder}`);
  process.exit(1);
}

const sdk = {
  name: "lithe-sdk",
  setup(build) {
    build.onResolve({ filter: /^lithe-sdk$/ }, () => ({ path: join(here, "../index.ts") }));
    build.onResolve({ filter: /^lithe-sdk\/testing$/ }, () => ({ path: join(here, "index.ts") }));
    build.onResolve({ filter: /^(lithe:plugin\/|wasi:)/ }, () => ({ path: join(here, "host.ts") }));
  },
};
const outdir = mkdtempSync(join(tmpdir(), "lithe-tests-"));
try {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    format: "esm",
    platform: "node",
    sourcemap: "inline",
    inject: [join(here, "../process.ts")],
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
    plugins: [sdk],
  });
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...bundled(outdir)], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(outdir, { recursive: true });
}

function bundled(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => join(folder, name));
}
