// Bundles a module with the SDK, for `lithe build`: `node sdk/build/bundle.js SETTINGS`, in the folder
// that the build works in, `.lithe/KIND` of the source.
//
// The settings are JSON: `main`, the module; `kind`; `engine`. It writes `bundle.js`, and into
// `bundle.json` what the component has to export, what it imports and what it was made from.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { builtinModules, createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { authorsMap } from "./map.js";

/** How long the module may take to load, in milliseconds. */
const LOAD_TIME = 30_000;

const sdk = dirname(dirname(fileURLToPath(import.meta.url)));
const { main, kind, engine } = JSON.parse(process.argv[2]);
const esbuild = createRequire(main)("esbuild");

const work = process.cwd();
/** The source's folder: messages and stacks name files from here. */
const folder = resolve(work, "../..");

const common = {
  absWorkingDir: folder,
  bundle: true,
  format: "esm",
  target: "es2022",
  mainFields: ["module", "main"],
  conditions: ["import", "module"],
  define: { "process.env.NODE_ENV": '"production"' },
  inject: ["process.ts", "network.ts"].map((name) => join(sdk, name)),
  logLevel: "warning",
};

/** The SDK is the one of this folder. */
const own = {
  name: "lithe-sdk",
  setup(build) {
    build.onResolve({ filter: /^lithe-sdk$/ }, () => ({ path: join(sdk, "index.ts") }));
    build.onResolve({ filter: /^lithe:author$/ }, () => ({ path: main }));
  },
};

/** While the module is loaded there is no host: what would call it fails. */
const withoutHost = {
  name: "without-host",
  setup(build) {
    build.onResolve({ filter: /^(lithe|wasi):/ }, ({ path }) => ({ path, namespace: "host" }));
    build.onLoad({ filter: /.*/, namespace: "host" }, ({ path }) => ({
      // A prototype, so that names are found in it that nobody lists.
      contents: `module.exports = Object.create(new Proxy({}, { get: (_, name) => () => {
        throw new Error("it calls the host (\`" + String(name) + "\` of ${path}), which is not there at build time");
      } }));`,
    }));
  },
};

/** An engine has none of Node's modules. esbuild would say that another platform has them. */
const withoutNode = {
  name: "without-node",
  setup(build) {
    build.onResolve({ filter: /./ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === withoutNode || !isOfNode(path)) return undefined;
      // A package may have the name of a module of Node's.
      const { importer, resolveDir, kind } = from;
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: withoutNode });
      if (!found.errors.length) return found;
      return {
        errors: [{
          text:
            `\`${path}\` is a module of Node's, and a component has none of them: it has no files and no network. ` +
            "The SDK has `env`, timers and streams, and the engine the APIs of the web that the SDK's README " +
            'names under "Engines"',
        }],
      };
    });
  },
};

function isOfNode(path) {
  return path.startsWith("node:") || builtinModules.includes(path);
}

async function probe() {
  await esbuild.build({
    ...common,
    entryPoints: [join(sdk, "build/probe.ts")],
    outfile: join(work, "probe.mjs"),
    platform: "node",
    sourcemap: "inline",
    plugins: [own, withoutHost],
  });
  const node = spawnSync(process.execPath, ["--enable-source-maps", "probe.mjs", kind], {
    stdio: ["ignore", process.stderr, process.stderr, "pipe"],
    timeout: LOAD_TIME,
    killSignal: "SIGKILL",
  });
  if (node.error?.code === "ETIMEDOUT") {
    console.error(`the module is still being loaded after ${LOAD_TIME / 1000} s: let it end, and do the work in a handler`);
  }
  if (node.status !== 0) process.exit(1);
  return JSON.parse(node.output[3].toString());
}

async function bundle({ entry, exports }) {
  const engineModule = engine === "small" ? "small/index" : "full/index";
  // What the host calls with several messages at once.
  const batch = engine === "full" && kind === "hooks";
  const globals = engine === "small" ? "small/web/globals.ts" : "full/globals.ts";
  const { outputFiles, metafile } = await esbuild.build({
    ...common,
    inject: [...common.inject, join(sdk, globals)],
    stdin: {
      contents: `import * as engine from "./${engineModule}.ts";
        import app from "lithe:author";
        import { component } from "./entry/${entry}.ts";
        export const { ${exports.join(", ")} } = component(app, engine);
        ${batch ? `import { batchOf } from "./entry/batch.ts"; export const batch = batchOf(hooks.receive);` : ""}`,
      resolveDir: sdk,
    },
    outfile: join(work, "bundle.js"),
    platform: "neutral",
    sourcemap: "external",
    // The engine keeps the text. Names stay, since stacks have them.
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    write: false,
    external: ["lithe:plugin/*", "wasi:*"],
    plugins: [own, withoutNode],
    // The small engine never runs its own jobs, so what is asynchronous runs on the SDK's promises.
    ...(engine === "small" && {
      supported: { "async-await": false, "async-generator": false, "for-await": false },
    }),
  });
  const [map, code] = ["bundle.js.map", "bundle.js"].map((name) => outputFiles.find(({ path }) => path.endsWith(name)).text);
  const authors = authorsMap(JSON.parse(map), (source) => nameOf(join(work, source)));
  // Behind the code, whose lines stay where the map says that they are.
  writeFileSync("bundle.js", `${code}globalThis.litheSourceMap = ${JSON.stringify(authors)};\n`);
  const [output] = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint);
  return {
    exports: batch ? [...exports, "batch"] : exports,
    imports: output.imports.filter(({ external }) => external).map(({ path }) => path),
    inputs: Object.keys(metafile.inputs).map((path) => join(folder, path)),
  };
}

/** How a file is named in the log: from the folder of the module's package. The SDK's are not. */
function nameOf(path) {
  return path.startsWith(sdk) || path.endsWith("<stdin>") ? undefined : relative(folder, path);
}

try {
  writeFileSync("bundle.json", JSON.stringify(await bundle(await probe())));
} catch (error) {
  // esbuild has printed its own messages.
  if (!error.errors) console.error(error);
  process.exit(1);
}
