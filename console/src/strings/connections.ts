// The texts of the connections pages.
export const connections = {
  title: "Connections",
} as const;
