// The name of a connection and its mode.
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { NAME } from "../form/errors";
import { editor as strings } from "../strings/connections";
import type { Purpose } from "./draft";
import type { ConnectionFormState } from "./useConnectionForm";

interface DetailsSectionProps {
  readonly purpose: Purpose;
  readonly state: ConnectionFormState;
}

export function DetailsSection({ purpose, state }: DetailsSectionProps) {
  const problem = state.problemAt(NAME);
  return (
    <Container header={<Header variant="h2">{strings.details}</Header>}>
      <SpaceBetween size="l">
        <div data-field={NAME}>
          <FormField
            label={strings.name}
            description={strings.nameDescription}
            constraintText={purpose === "edit" ? undefined : strings.nameRule}
            errorText={problem}
          >
            <Input
              value={state.name}
              readOnly={purpose === "edit"}
              invalid={problem !== undefined}
              ariaRequired
              autoComplete={false}
              spellcheck={false}
              onChange={({ detail }) => state.changeName(detail.value)}
              onBlur={() => state.touch(NAME)}
            />
          </FormField>
        </div>
        <FormField label={strings.mode} stretch>
          <Tiles
            columns={2}
            value={state.isPrivate ? "Private" : "Public"}
            onChange={({ detail }) => state.changeMode(detail.value === "Private")}
            items={[
              { value: "Public", label: strings.public, description: strings.publicDescription },
              { value: "Private", label: strings.private, description: strings.privateDescription },
            ]}
          />
        </FormField>
      </SpaceBetween>
    </Container>
  );
}
