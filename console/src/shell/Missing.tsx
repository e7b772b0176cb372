// In the place of something that does not exist: says so and leads back.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";

interface MissingProps {
  title: string;
  text: string;
  back: { text: string; href: string };
}

export function Missing({ title, text, back }: MissingProps) {
  return (
    <Alert type="warning" header={title} action={<Button href={back.href}>{back.text}</Button>}>
      <span className="tg-wrap">{text}</span>
    </Alert>
  );
}
