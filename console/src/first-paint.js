// Puts the theme and the density that the person chose onto the body before it is painted.
// The names are those of src/shell/appearance.ts and of Cloudscape's global styles.
(function () {
  var chosen = {};
  try {
    chosen = JSON.parse(localStorage.getItem("tidegate-appearance") || "{}") || {};
  } catch (error) {
    // Storage may be turned off, or hold what another version wrote: the defaults serve.
  }
  var dark = chosen.theme === "dark" ||
    (chosen.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.body.classList.toggle("awsui-dark-mode", dark);
  document.body.classList.toggle("awsui-compact-mode", chosen.density === "compact");
})();
