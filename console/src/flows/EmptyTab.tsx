// What stands in a tab that has nothing to show.
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";

export function EmptyTab({ title, text }: { title: string; text: string }) {
  return (
    <Box textAlign="center" padding={{ vertical: "m" }}>
      <SpaceBetween size="xxs">
        <Box variant="strong">{title}</Box>
        <Box color="text-body-secondary">{text}</Box>
      </SpaceBetween>
    </Box>
  );
}
