// Moves the focus to a field that needs attention.

/** Focuses the control of the field at a path; whether there is one. */
export function focusField(path: string): boolean {
  const field = document.querySelector(`[data-field="${CSS.escape(path)}"]`);
  const control =
    field?.querySelector<HTMLElement>('[aria-invalid="true"]') ??
    field?.querySelector<HTMLElement>("input:not([type=radio]), input:checked, button, textarea");
  if (control === undefined || control === null) return false;
  control.focus();
  control.scrollIntoView({ block: "center" });
  return true;
}
