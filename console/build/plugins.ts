// Two small steps of the console's build.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

/** The faces that the console's texts need; the others are drawn from these. */
const FACES = [
  { weight: "400", style: "normal" },
  { weight: "700", style: "normal" },
];

/**
 * Cloudscape's global styles bring Open Sans in eight faces as data: addresses inside the style
 * sheet. This keeps two and makes files of them, so that text is painted before they arrive.
 */
export function fontFiles(): Plugin {
  let serving = false;
  return {
    name: "tidegate-font-files",
    enforce: "pre",
    configResolved(config) {
      serving = config.command === "serve";
    },
    transform(code, id) {
      if (serving || !/@cloudscape-design\/global-styles\/index\.css$/.test(id)) return null;
      let kept = 0;
      const text = code.replace(/@font-face\s*{[^}]*}/g, (face) => {
        const weight = /font-weight:\s*(\d+)/.exec(face)?.[1];
        const style = /font-style:\s*(\w+)/.exec(face)?.[1];
        const data = /url\('data:font\/woff2;base64,([^']+)'\)/.exec(face)?.[1];
        if (data === undefined) return face;
        if (!FACES.some((wanted) => wanted.weight === weight && wanted.style === style)) return "";
        kept++;
        const reference = this.emitFile({
          type: "asset",
          name: `open-sans-${weight}.woff2`,
          source: Buffer.from(data, "base64"),
        });
        return face
          .replace(/url\('data:[^']+'\)/, `url(__VITE_ASSET__${reference}__)`)
          .replace("}", "  font-display: swap;\n}");
      });
      if (kept !== FACES.length) this.error("the fonts of @cloudscape-design/global-styles have changed");
      return { code: text, map: null };
    },
  };
}

const FIRST_PAINT = fileURLToPath(new URL("../src/first-paint.js", import.meta.url));

/**
 * Runs `src/first-paint.js` before anything is painted. It must be an ordinary script at the top
 * of the body: modules run too late, and the content security policy forbids inline scripts.
 */
export function firstPaint(): Plugin {
  let reference = "";
  let serving = false;
  return {
    name: "tidegate-first-paint",
    configResolved(config) {
      serving = config.command === "serve";
    },
    buildStart() {
      if (serving) return;
      reference = this.emitFile({ type: "asset", name: "first-paint.js", source: readFileSync(FIRST_PAINT, "utf8") });
    },
    transformIndexHtml: {
      order: "post",
      handler: () => [
        {
          tag: "script",
          attrs: { src: serving ? "/src/first-paint.js" : `__FIRST_PAINT__` },
          injectTo: "body-prepend",
        },
      ],
    },
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const page = bundle["index.html"];
        if (page?.type !== "asset") return;
        page.source = String(page.source).replace("__FIRST_PAINT__", `./${this.getFileName(reference)}`);
      },
    },
  };
}
