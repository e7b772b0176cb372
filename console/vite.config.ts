// Builds the console. Every address in the output is relative, so that the same files work
// under any public URL prefix.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { firstPaint, fontFiles } from "./build/plugins.ts";

/** A running `tidegate serve` for `npm run dev`. */
const server = process.env["TIDEGATE_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [fontFiles(), firstPaint(), react()],
  build: {
    target: "es2022",
    // The fonts and pictures stay files, which a browser keeps.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      output: {
        // Pages are found by their names in scripts/budget.mjs.
        chunkFileNames: (chunk) => {
          const page = /\/src\/(\w+)\/index\.tsx$/.exec(chunk.facadeModuleId ?? "")?.[1];
          return page === undefined ? "assets/[name]-[hash].js" : `assets/page-${page}-[hash].js`;
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    // Everything but the console's own files goes to the server.
    proxy: {
      "^/(?!src/|@|node_modules/|index\\.html|$|\\?)": { target: server, changeOrigin: false },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.ts"],
  },
});
