// Words that several pages share.
export const common = {
  cancel: "Cancel",
  close: "Close",
  create: "Create",
  delete: "Delete",
  edit: "Edit",
  copy: "Copy",
  test: "Test",
  refresh: "Refresh",
  actions: "Actions",
  info: "Info",
  loading: "Loading",
  retry: "Retry",
  none: "-",
  optional: "optional",
  yes: "Yes",
  no: "No",
} as const;
