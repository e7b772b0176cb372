// The texts of the flows pages.
export const flows = {
  title: "Flows",
} as const;
