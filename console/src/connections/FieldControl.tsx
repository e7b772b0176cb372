// One control for each kind of field.
import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { type Entry, entriesOf, type Field, type FieldValue, listOf, textOf } from "../form/values";
import { editor as strings } from "../strings/connections";

export interface FieldControlProps {
  readonly field: Field;
  readonly value: FieldValue | undefined;
  readonly options: readonly string[];
  readonly isRequired: boolean;
  readonly invalid: boolean;
  /** Names the control where no form field does. */
  readonly ariaLabel?: string;
  readonly onChange: (value: FieldValue) => void;
  readonly onBlur: () => void;
}

export function FieldControl(props: FieldControlProps) {
  const { field, value, onChange, onBlur } = props;
  const { member } = field;
  const label = props.ariaLabel === undefined ? {} : { ariaLabel: props.ariaLabel };
  switch (member.kind) {
    case "boolean":
      return (
        <Toggle checked={value === true} onChange={({ detail }) => onChange(detail.checked)} {...label}>
          {value === true ? strings.yes : strings.no}
        </Toggle>
      );
    case "select":
      return <SelectControl {...props} />;
    case "list":
      return <ListControl {...props} />;
    case "map":
      return <MapControl {...props} />;
    case "secret":
      return <SecretControl {...props} />;
    default:
      // A single text is filled in from the start; there is nothing to choose.
      if (props.options.length > (member.kind === "url" ? 0 : 1)) return <SuggestingControl {...props} />;
      return (
        <Input
          value={textOf(value)}
          invalid={props.invalid}
          ariaRequired={props.isRequired}
          inputMode={member.kind === "integer" ? "numeric" : member.kind === "url" ? "url" : "text"}
          autoComplete={false}
          spellcheck={false}
          {...placeholder(field)}
          {...label}
          onChange={({ detail }) => onChange(detail.value)}
          onBlur={onBlur}
        />
      );
  }
}

/** An example in the empty field; none in one that a stored value would be mistaken for. */
function placeholder(field: Field): { placeholder?: string } {
  const { example, kind } = field.member;
  if (field.side === "credentials" && kind !== "arn") return {};
  return typeof example === "string" || typeof example === "number" ? { placeholder: String(example) } : {};
}

function SecretControl({ field, value, isRequired, invalid, ariaLabel, onChange, onBlur }: FieldControlProps) {
  const [isShown, setShown] = useState(false);
  const { label } = field.member;
  return (
    <div className="connections-secret">
      <Input
        type={isShown ? "text" : "password"}
        value={textOf(value)}
        invalid={invalid}
        ariaRequired={isRequired}
        autoComplete="new-password"
        spellcheck={false}
        disableBrowserAutocorrect
        {...(ariaLabel === undefined ? {} : { ariaLabel })}
        onChange={({ detail }) => onChange(detail.value)}
        onBlur={onBlur}
      />
      <Button
        formAction="none"
        ariaLabel={`${isShown ? strings.hide : strings.show} ${label}`}
        onClick={() => setShown(!isShown)}
      >
        {isShown ? strings.hide : strings.show}
      </Button>
    </div>
  );
}

function SelectControl({ value, options, isRequired, invalid, ariaLabel, onChange, onBlur }: FieldControlProps) {
  const none = { value: "", label: strings.none };
  const all = [
    ...(isRequired ? [] : [none]),
    ...options.map((option) => ({ value: option, label: strings.ways[option] ?? option, description: option })),
  ];
  const text = textOf(value);
  return (
    <Select
      options={all}
      selectedOption={all.find((option) => option.value === text) ?? null}
      placeholder={strings.choose}
      invalid={invalid}
      ariaRequired={isRequired}
      {...(ariaLabel === undefined ? {} : { ariaLabel })}
      onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      onBlur={onBlur}
    />
  );
}

/** A text for which the connector knows values, without insisting on one. */
function SuggestingControl({ field, value, options, isRequired, invalid, ariaLabel, onChange, onBlur }: FieldControlProps) {
  return (
    <Autosuggest
      value={textOf(value)}
      options={options.map((option) => ({ value: option }))}
      invalid={invalid}
      ariaRequired={isRequired}
      enteredTextLabel={strings.useText}
      {...placeholder(field)}
      {...(ariaLabel === undefined ? {} : { ariaLabel })}
      onChange={({ detail }) => onChange(detail.value)}
      onBlur={onBlur}
    />
  );
}

function ListControl({ field, value, onChange, onBlur }: FieldControlProps) {
  const items = listOf(value);
  const { label } = field.member;
  const change = (index: number, text: string) => onChange(items.map((item, at) => (at === index ? text : item)));
  return (
    <AttributeEditor<string>
      items={items}
      addButtonText={strings.addItem}
      removeButtonText={strings.removeItem}
      removeButtonAriaLabel={strings.removeItemLabel}
      empty={strings.noItems}
      i18nStrings={{ itemRemovedAriaLive: strings.itemRemoved }}
      definition={[
        {
          label,
          control: (item, index) => (
            <Input
              value={item}
              ariaLabel={strings.listItem(label, index + 1)}
              autoComplete={false}
              spellcheck={false}
              onChange={({ detail }) => change(index, detail.value)}
              onBlur={onBlur}
            />
          ),
        },
      ]}
      onAddButtonClick={() => onChange([...items, ""])}
      onRemoveButtonClick={({ detail }) => onChange(items.filter((_, at) => at !== detail.itemIndex))}
    />
  );
}

function MapControl({ field, value, onChange, onBlur }: FieldControlProps) {
  const entries = entriesOf(value);
  const known = (entry: Entry) => field.member.keys?.find((one) => one.key === entry.key);
  const isSecret = (entry: Entry) => known(entry)?.secret ?? field.member.secret;
  const change = (index: number, part: Partial<Entry>) =>
    onChange(entries.map((entry, at) => (at === index ? { ...entry, ...part } : entry)));
  return (
    <AttributeEditor<Entry>
      items={entries}
      addButtonText={strings.addItem}
      removeButtonText={strings.removeItem}
      removeButtonAriaLabel={(entry) => strings.removeItemLabel(entry.key)}
      empty={strings.noItems}
      i18nStrings={{ itemRemovedAriaLive: strings.itemRemoved }}
      definition={[
        {
          label: strings.key,
          constraintText: (entry) => {
            const key = known(entry);
            return key === undefined ? undefined : strings.knownKey(key.label, key.required);
          },
          control: (entry, index) => (
            <Input
              value={entry.key}
              autoComplete={false}
              spellcheck={false}
              onChange={({ detail }) => change(index, { key: detail.value })}
              onBlur={onBlur}
            />
          ),
        },
        {
          label: strings.value,
          constraintText: (entry) => {
            const options = known(entry)?.options ?? [];
            return options.length === 0 ? undefined : strings.knownValues(options.join(", "));
          },
          control: (entry, index) => (
            <Input
              value={entry.value}
              type={isSecret(entry) ? "password" : "text"}
              autoComplete={isSecret(entry) ? "new-password" : false}
              spellcheck={false}
              onChange={({ detail }) => change(index, { value: detail.value })}
              onBlur={onBlur}
            />
          ),
        },
      ]}
      onAddButtonClick={() => onChange([...entries, { key: "", value: "" }])}
      onRemoveButtonClick={({ detail }) => onChange(entries.filter((_, at) => at !== detail.itemIndex))}
    />
  );
}
