// A text of any length: the first lines, and the rest when it is asked for.
import Link from "@cloudscape-design/components/link";
import { useEffect, useRef, useState } from "react";
import { shell } from "../strings/shell";

export function LongText({ text }: { text: string }) {
  const box = useRef<HTMLSpanElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [isCut, setCut] = useState(false);

  useEffect(() => {
    const element = box.current;
    if (element === null || isOpen) return;
    // How many lines a text takes depends on the width that it gets.
    const watch = new ResizeObserver(() => setCut(element.scrollHeight > element.clientHeight + 1));
    watch.observe(element);
    return () => watch.disconnect();
  }, [text, isOpen]);

  return (
    <>
      <span ref={box} className={isOpen ? "tg-long-text tg-long-text-open" : "tg-long-text"} tabIndex={isOpen ? 0 : undefined}>
        {text}
      </span>
      {isCut || isOpen ? (
        <Link color="inverted" onFollow={() => setOpen(!isOpen)}>
          {isOpen ? shell.showLess : shell.showAll}
        </Link>
      ) : null}
    </>
  );
}
