// How a flow lays out what it writes, and what it does with records that are refused.
import type { DescribeFlowResponse, ErrorHandlingConfig, S3OutputFormatConfig } from "@aws-sdk/client-appflow";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import { Lines } from "../connectors/Lines";
import { common } from "../strings/common";
import { flow as strings } from "../strings/flows";
import { wordFor } from "../strings/operators";
import { bucketAddress, location, only } from "./sides";
import type { Tasks } from "./tasks";

type Pair = KeyValuePairsProps.Pair;

export function OutputTab({ flow, tasks }: { flow: DescribeFlowResponse; tasks: Tasks }) {
  const destination = flow.destinationFlowConfigList?.[0];
  const settings = only(destination?.destinationConnectorProperties);
  const items: Pair[] = [];
  const place = location(destination, flow.flowName ?? "");
  if (typeof settings["bucketName"] === "string" && place !== undefined) {
    items.push({ label: strings.location, value: place });
    items.push(...format((settings["s3OutputFormatConfig"] ?? {}) as S3OutputFormatConfig, tasks));
  }
  const errors = settings["errorHandlingConfig"] as ErrorHandlingConfig | undefined;
  if (errors !== undefined) {
    items.push({
      label: strings.errorHandling,
      value: errors.failOnFirstDestinationError ? strings.errorStop : strings.errorGoOn,
    });
    const refused = bucketAddress(errors.bucketName, errors.bucketPrefix);
    if (refused !== undefined) items.push({ label: strings.errorBucket, value: refused });
  }
  const glue = flow.metadataCatalogConfig?.glueDataCatalog;
  if (glue !== undefined) {
    items.push({ label: strings.catalog, value: strings.catalogValue(glue.databaseName ?? "", glue.tablePrefix ?? "") });
  }
  return (
    <Container header={<Header variant="h2">{strings.outputTitle}</Header>}>
      {items.length === 0 ? (
        <Box color="text-body-secondary">{strings.noOutput}</Box>
      ) : (
        <KeyValuePairs columns={3} items={items} />
      )}
    </Container>
  );
}

function format(config: S3OutputFormatConfig, tasks: Tasks): Pair[] {
  const { prefixConfig: prefix, aggregationConfig: aggregation } = config;
  const fileType = config.fileType ?? "JSON";
  const items: Pair[] = [{ label: strings.fileType, value: fileType }];
  if (fileType === "PARQUET") {
    items.push({ label: strings.typing, value: config.preserveSourceDataTyping ? strings.typingKept : strings.typingText });
  }
  items.push(
    {
      label: strings.partitionKeys,
      value: tasks.partitionKeys.length === 0 ? strings.noPartition : <Lines items={tasks.partitionKeys} />,
    },
    { label: strings.prefixType, value: worded(strings.prefixTypes, prefix?.prefixType) },
    { label: strings.prefixFormat, value: worded(strings.prefixFormats, prefix?.prefixFormat) },
    {
      label: strings.hierarchy,
      value: <Lines items={(prefix?.pathPrefixHierarchy ?? []).map((one) => wordFor(strings.hierarchyNames, one))} />,
    },
    { label: strings.aggregation, value: worded(strings.aggregations, aggregation?.aggregationType ?? "None") },
  );
  if (aggregation?.targetFileSize) {
    items.push({ label: strings.targetSize, value: strings.targetSizeValue(aggregation.targetFileSize) });
  }
  return items;
}

function worded(words: Readonly<Record<string, string>>, spelling: string | undefined): string {
  return spelling === undefined ? common.none : wordFor(words, spelling);
}
