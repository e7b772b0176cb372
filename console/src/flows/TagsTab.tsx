// The tags of a flow.
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import { common } from "../strings/common";
import { flow as strings } from "../strings/flows";
import { EmptyTab } from "./EmptyTab";

type Tag = [key: string, value: string];

export function TagsTab({ tags }: { tags: Record<string, string> }) {
  const items: Tag[] = Object.entries(tags).sort(([a], [b]) => a.localeCompare(b));
  return (
    <Table<Tag>
      variant="container"
      wrapLines
      enableKeyboardNavigation
      items={items}
      trackBy={([key]) => key}
      columnDefinitions={COLUMNS}
      header={
        <Header variant="h2" counter={`(${items.length})`}>
          {strings.tabs.tags}
        </Header>
      }
      empty={<EmptyTab title={strings.noTags} text={strings.noTagsText} />}
    />
  );
}

const COLUMNS = [
  { id: "key", header: strings.tagKey, isRowHeader: true, cell: ([key]: Tag) => key },
  { id: "value", header: strings.tagValue, cell: ([, value]: Tag) => value || common.none },
];
