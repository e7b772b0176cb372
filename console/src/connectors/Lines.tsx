// Short values below one another; a dash for none.
import { common } from "../strings/common";

export function Lines({ items }: { items: readonly (string | undefined)[] }) {
  const lines = items.filter((item) => item !== undefined);
  if (lines.length === 0) return <>{common.none}</>;
  return (
    <>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </>
  );
}
