// How a connection of a connector proves who it is.
import type { AuthParameter, ConnectorConfiguration } from "@aws-sdk/client-appflow";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import type { ConnectorForm } from "../form/types";
import { common } from "../strings/common";
import { authenticationNames, connector as strings } from "../strings/connectors";
import { grantTypes, wordFor } from "../strings/operators";
import { oauth2Of } from "./capabilities";
import { authentications } from "./catalogue";
import { Lines } from "./Lines";

export function AuthenticationBox({ config, form }: { config: ConnectorConfiguration; form: ConnectorForm | undefined }) {
  const kinds = authentications(config);
  const items: KeyValuePairsProps.Pair[] = [
    {
      label: strings.authentication,
      value: form?.hasProfile === false ? strings.noConnection : <Lines items={kinds.map((kind) => authenticationNames[kind])} />,
    },
  ];
  if (kinds.includes("oauth2")) {
    const oauth2 = oauth2Of(config);
    const urls = (list: string[], own: string | undefined) =>
      list.length > 0 ? <Lines items={list} /> : own === undefined ? common.none : strings.ownUrls;
    const authorization = form?.authorization;
    items.push(
      {
        label: strings.grantTypes,
        value: <Lines items={oauth2.grantTypes.map((name) => wordFor(grantTypes, name))} />,
      },
      { label: strings.scopes, value: <Lines items={oauth2.scopes} /> },
      { label: strings.authCodeUrls, value: urls(oauth2.authCodeUrls, authorization?.authCodeUrlPath) },
      { label: strings.tokenUrls, value: urls(oauth2.tokenUrls, authorization?.tokenUrlPath) },
    );
  }
  const custom = config.authenticationConfig?.customAuthConfigs ?? [];
  return (
    <Container
      header={
        <Header variant="h2" description={strings.authenticationDescription}>
          {strings.authentication}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <KeyValuePairs columns={items.length > 1 ? 3 : 1} items={items} />
        {custom.map((one) => (
          <Table<AuthParameter>
            key={one.customAuthenticationType}
            variant="embedded"
            wrapLines
            header={<Header variant="h3">{strings.customKind(one.customAuthenticationType ?? "")}</Header>}
            items={one.authParameters ?? []}
            trackBy="key"
            enableKeyboardNavigation
            columnDefinitions={PARAMETERS}
          />
        ))}
      </SpaceBetween>
    </Container>
  );
}

const PARAMETERS = [
  {
    id: "label",
    header: strings.field,
    isRowHeader: true,
    cell: (parameter: AuthParameter) => parameter.label || parameter.key,
  },
  { id: "key", header: strings.fieldPath, cell: (parameter: AuthParameter) => <Box variant="code">{parameter.key}</Box> },
  {
    id: "required",
    header: strings.needed,
    cell: (parameter: AuthParameter) => (parameter.isRequired ? strings.required : strings.optional),
  },
  {
    id: "about",
    header: strings.about,
    cell: (parameter: AuthParameter) => {
      const values = parameter.connectorSuppliedValues ?? [];
      const lines = [
        parameter.description,
        values.length === 0 ? undefined : strings.oneOf(values.join(", ")),
        parameter.isSensitiveField ? strings.secret : undefined,
      ];
      return <Lines items={lines.filter((line) => line !== undefined && line !== "")} />;
    },
  },
];
