// The list behind the notifications, newest first.

export interface NotificationLink {
  text: string;
  href: string;
}

export interface Notification {
  id: string;
  type: "success" | "info" | "error";
  text: string;
  header?: string;
  link?: NotificationLink;
  code?: string;
  requestId?: string;
  /** The path of the page that it is about; it goes when that page is left. */
  page: string;
}

/** More than this nobody reads; the oldest go. */
export const MAX_NOTIFICATIONS = 5;

/** Puts a notification on top; the same message shown already moves up instead of doubling. */
export function add(list: Notification[], notification: Notification): Notification[] {
  const rest = list.filter((other) => !sameMessage(other, notification));
  return [notification, ...rest].slice(0, MAX_NOTIFICATIONS);
}

export function remove(list: Notification[], id: string): Notification[] {
  return list.filter((notification) => notification.id !== id);
}

/** What is left when a page opens: what was said on the page before is no longer about anything. */
export function keepOf(list: Notification[], page: string): Notification[] {
  return list.every((notification) => notification.page === page)
    ? list
    : list.filter((notification) => notification.page === page);
}

function sameMessage(a: Notification, b: Notification): boolean {
  return a.type === b.type && a.text === b.text && a.header === b.header && a.link?.href === b.link?.href;
}
