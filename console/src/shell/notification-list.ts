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
}

/** More than this nobody reads; the oldest go. */
export const MAX_NOTIFICATIONS = 10;

/** Puts a notification on top; the same message shown already moves up instead of doubling. */
export function add(list: Notification[], notification: Notification): Notification[] {
  const rest = list.filter((other) => !sameMessage(other, notification));
  return [notification, ...rest].slice(0, MAX_NOTIFICATIONS);
}

export function remove(list: Notification[], id: string): Notification[] {
  return list.filter((notification) => notification.id !== id);
}

function sameMessage(a: Notification, b: Notification): boolean {
  return a.type === b.type && a.text === b.text && a.header === b.header && a.link?.href === b.link?.href;
}
