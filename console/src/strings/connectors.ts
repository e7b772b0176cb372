// The texts of the connectors pages.
export const connectors = {
  title: "Connectors",
} as const;
