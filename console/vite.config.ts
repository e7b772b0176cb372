// Builds the console. Every address in the output is relative, so that the same files work
// under any public URL prefix.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** A running `tidegate serve` for `npm run dev`. */
const server = process.env["TIDEGATE_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    target: "es2022",
    // A data: address would be inlined again and again; files are cached once.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    host: "127.0.0.1",
    // Everything but the console's own files goes to the server.
    proxy: {
      "^/(?!src/|@|node_modules/|icon\\.svg|index\\.html|$|\\?)": { target: server, changeOrigin: false },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.ts"],
  },
});
