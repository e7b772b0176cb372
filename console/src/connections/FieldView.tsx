// A field with its label, its help, and what becomes of a stored value.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type Decision, decisionFor, mayKeep, type Stored, storedOf } from "../form/keep";
import { optionsOf } from "../form/layout";
import type { ConnectorForm } from "../form/types";
import { entriesOf, type Field, type FieldValue } from "../form/values";
import { editor as strings, stored as words } from "../strings/connections";
import { FieldControl } from "./FieldControl";

export interface FieldViewProps {
  readonly form: ConnectorForm;
  readonly field: Field;
  readonly value: FieldValue | undefined;
  readonly isRequired: boolean;
  readonly error: string | undefined;
  readonly stored: Stored;
  readonly onChange: (path: string, value: FieldValue) => void;
  readonly onBlur: (path: string) => void;
  readonly onDecide: (storedPath: string, decision: Decision) => void;
}

export function FieldView(props: FieldViewProps) {
  const { form, field, value, isRequired, error, stored } = props;
  const { member, path } = field;
  const paths = storedOf(field, stored).filter(
    // What a copy can never carry is an empty field like any other.
    (one) => !stored.isCopy || mayKeep(member, one, { ...stored, locked: false }),
  );
  const [only] = paths;
  const isMap = member.kind === "map";
  const single = !isMap && only !== undefined ? only : undefined;
  const decision = single === undefined ? "new" : decisionFor(member, single, stored);
  const label = (
    <span>
      {member.label}
      {isRequired || paths.length > 0 ? null : <i className="connections-optional">{` - ${strings.optional}`}</i>}
    </span>
  );
  const control = (ariaLabel?: string) => (
    <FieldControl
      field={field}
      value={value}
      options={optionsOf(form, field)}
      isRequired={isRequired}
      invalid={error !== undefined}
      {...(ariaLabel === undefined ? {} : { ariaLabel })}
      onChange={(changed) => props.onChange(path, changed)}
      onBlur={() => props.onBlur(path)}
    />
  );
  const shared = {
    label,
    description: member.help,
    ...(constraintOf(field) === undefined ? {} : { constraintText: constraintOf(field) }),
    stretch: isMap || member.kind === "list",
  };
  if (paths.length === 0) {
    return (
      <div data-field={path}>
        <FormField {...shared} errorText={error}>
          {control()}
        </FormField>
      </div>
    );
  }
  return (
    <div data-field={path}>
      <SpaceBetween size="xs">
        <FormField label={label} description={member.help} stretch={shared.stretch}>
          <SpaceBetween size="xs">
            {paths.map((one) => (
              <StoredChoice key={one} {...props} path={one} mapKey={isMap ? one.slice(member.path.length + 1) : ""} />
            ))}
          </SpaceBetween>
        </FormField>
        {decision === "new" ? (
          <FormField errorText={error} stretch={shared.stretch}>
            {control(member.label)}
          </FormField>
        ) : (
          <FormField errorText={error}>
            <Box color="text-body-secondary" variant="p">
              {after(decision, stored.isCopy)}
            </Box>
          </FormField>
        )}
      </SpaceBetween>
    </div>
  );
}

function after(decision: Decision, isCopy: boolean): string {
  if (decision === "keep") return isCopy ? words.takenHere : words.keptHere;
  return isCopy ? words.leftOutHere : words.removedHere;
}

/** An example that is no placeholder: of several texts, or of keys and texts. */
function constraintOf(field: Field): string | undefined {
  const { example, kind } = field.member;
  if (kind === "list" && Array.isArray(example)) return strings.example((example as unknown[]).join(", "));
  if (kind === "map" && !field.member.secret && typeof example === "object" && example !== null) {
    return strings.example(
      Object.entries(example)
        .map(([key, text]) => `${key} = ${String(text)}`)
        .join(", "),
    );
  }
  return undefined;
}

interface StoredChoiceProps extends FieldViewProps {
  readonly path: string;
  /** The key in a map; empty for a member of its own. */
  readonly mapKey: string;
}

function StoredChoice({ field, path, mapKey, value, stored, isRequired, onDecide, onChange }: StoredChoiceProps) {
  const { member } = field;
  const decision = decisionFor(member, path, stored);
  const canKeep = mayKeep(member, path, stored);
  const name = mapKey === "" ? member.label : mapKey;
  const isCopy = stored.isCopy;
  const decide = (chosen: Decision) => {
    onDecide(path, chosen);
    if (mapKey === "") {
      // A value that was typed before would otherwise go out beside the kept one.
      if (chosen !== "new") onChange(field.path, "");
      return;
    }
    // A key of a map that is typed anew needs a line of its own; one that is not needs none.
    const others = entriesOf(value).filter((entry) => entry.key !== mapKey);
    onChange(field.path, chosen === "new" ? [...others, { key: mapKey, value: "" }] : others);
  };
  return (
    <div>
      {mapKey === "" ? null : <Box variant="awsui-key-label">{mapKey}</Box>}
      <RadioGroup
        direction="horizontal"
        ariaLabel={words.choice(name)}
        value={decision}
        onChange={({ detail }) => decide(detail.value as Decision)}
        items={[
          { value: "new", label: isCopy ? words.newCopy : words.newEdit },
          { value: "keep", label: isCopy ? words.keepCopy : words.keepEdit, disabled: !canKeep },
          ...(isRequired && mapKey === ""
            ? []
            : [{ value: "remove", label: isCopy ? words.removeCopy : words.removeEdit }]),
        ]}
      />
    </div>
  );
}

interface KeepAllProps {
  readonly isCopy: boolean;
  readonly disabled: boolean;
  readonly onKeep: () => void;
}

/** One press for all stored values; still a person's own decision. */
export function KeepAll({ isCopy, disabled, onKeep }: KeepAllProps) {
  return (
    <Button formAction="none" disabled={disabled} onClick={onKeep}>
      {isCopy ? words.keepAllCopy : words.keepAllEdit}
    </Button>
  );
}
