// How the page is built, and where to: frontend/static/build/, with the manifest that vite_manifest.py reads.

import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import solid from "vite-plugin-solid";
import { defineConfig } from "vitest/config";

/** Beside each script and style, the same by gzip, which WhiteNoise gives to who takes that. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const [name, part] of Object.entries(bundle)) {
          if (!/\.(js|css)$/.test(name)) continue;
          const text = part.type === "chunk" ? part.code : part.source;
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source: gzipSync(text, { level: 9 }) });
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [solid({ ssr: false, hot: false }), compressed()],
  base: "/static/build/",
  publicDir: false,
  build: {
    outDir: "static/build",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // The content security policy allows nothing inline, so neither does the build.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        app: "src/main.tsx",
        pages: "src/styles/pages.css",
        feeds: "src/admin/feeds.ts",
        entrance: "src/accounts/entrance.ts",
        passkeys: "src/accounts/passkeys.ts",
      },
      output: {
        // Twelve hex digits are what WhiteNoise takes for an immutable name and caches for ever.
        hashCharacters: "hex",
        entryFileNames: "[name].[hash:12].js",
        chunkFileNames: "[name].[hash:12].js",
        assetFileNames: "[name].[hash:12][extname]",
      },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    restoreMocks: true,
    // Beside other tests on a busy machine.
    testTimeout: 20_000,
  },
});
