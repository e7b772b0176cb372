// The sign-in page.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { errorText } from "../api/errors";
import { type SessionInfo, signIn } from "../api/session";
import { signIn as strings } from "../strings/shell";

export function SignIn({ reason }: { info: SessionInfo; reason?: string | undefined }) {
  const [userName, setUserName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string>();
  async function submit(event: FormEvent) {
    event.preventDefault();
    setError(undefined);
    try {
      await signIn(userName, password);
    } catch (problem) {
      setError(errorText(problem));
    }
  }
  return (
    <Box padding="xxl">
      <form onSubmit={(event) => void submit(event)}>
        <Container header={<Header variant="h1">{strings.title}</Header>}>
          <SpaceBetween size="l">
            {reason === undefined ? null : <Alert type="info">{reason}</Alert>}
            {error === undefined ? null : <Alert type="error">{error}</Alert>}
            <FormField label={strings.userName}>
              <Input value={userName} autoComplete="username" onChange={({ detail }) => setUserName(detail.value)} />
            </FormField>
            <FormField label={strings.password}>
              <Input
                type="password"
                value={password}
                autoComplete="current-password"
                onChange={({ detail }) => setPassword(detail.value)}
              />
            </FormField>
            <Button variant="primary" formAction="submit">
              {strings.submit}
            </Button>
          </SpaceBetween>
        </Container>
      </form>
    </Box>
  );
}
