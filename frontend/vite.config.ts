// How the page is built, and where to: frontend/static/build/, with the manifest that vite_manifest.py reads.

import solid from "vite-plugin-solid";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [solid({ ssr: false, hot: false })],
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
    testTimeout: 5000,
  },
});
