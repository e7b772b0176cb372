// The product's mark, for pages without the frame.
import icon from "../icon.svg";
import { shell } from "../strings/shell";

export function Brand() {
  return (
    <div className="tg-brand">
      <img src={icon} alt="" />
      {shell.product}
    </div>
  );
}
