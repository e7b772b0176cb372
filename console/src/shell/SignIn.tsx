// The sign-in page. It stands in the place of every page while nobody is signed in, so that the
// address, and with it the page one wanted, stays as it is.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { apiBase } from "../api/http";
import { session, type SessionInfo } from "../api/session";
import { useRoute } from "../router";
import { shell, signIn as strings } from "../strings/shell";
import { Brand } from "./Brand";
import { PasswordForm } from "./PasswordForm";
import { rememberReturn } from "./return-link";

/** An error that came through the address is shown up to here. */
const MAX_ERROR = 300;

export function SignIn({ info, reason }: { info: SessionInfo; reason?: string | undefined }) {
  const route = useRoute();
  const failure = route.segments[0] === "sign-in" ? route.query.get("error") : null;
  const { password, oidc } = info.signIn;
  const noUsers = password && !info.hasUsers;
  // Once a person tries again, how the last session ended is old news.
  const [tried, setTried] = useState(false);

  useEffect(() => {
    document.title = shell.documentTitle(strings.submit);
  }, []);

  return (
    <main className="tg-sign-in">
      <Brand />
      <Container header={<Header variant="h1">{strings.title}</Header>}>
        <SpaceBetween size="l">
          {tried ? null : failure ? (
            <Alert type="error" header={strings.failed}>
              {failure.slice(0, MAX_ERROR)}
            </Alert>
          ) : reason === undefined ? null : (
            <Alert type="info">{reason}</Alert>
          )}
          {oidc === null ? null : <OidcButton oidc={oidc} />}
          {oidc !== null && password && info.hasUsers ? (
            <Box textAlign="center" color="text-body-secondary">
              {strings.or}
            </Box>
          ) : null}
          {password && info.hasUsers ? <PasswordForm primary={oidc === null} onTry={() => setTried(true)} /> : null}
          {noUsers && oidc === null ? <NoUsers /> : null}
          {!password && oidc === null ? (
            <Alert type="warning" header={strings.noWayTitle}>
              {strings.noWay}
            </Alert>
          ) : null}
        </SpaceBetween>
      </Container>
      <Box textAlign="center" color="text-body-secondary" fontSize="body-s" padding={{ top: "l" }}>
        {info.region} · {shell.accountId(info.accountId)} · {shell.version(info.version)}
      </Box>
    </main>
  );
}

function OidcButton({ oidc }: { oidc: { name: string; startPath: string } }) {
  return (
    <Button
      variant="primary"
      fullWidth
      href={new URL(oidc.startPath, apiBase()).href}
      onClick={() => rememberReturn(window.location.hash)}
    >
      {strings.with(oidc.name)}
    </Button>
  );
}

function NoUsers() {
  const [asking, setAsking] = useState(false);
  async function check() {
    setAsking(true);
    await session.start();
    setAsking(false);
  }
  return (
    <SpaceBetween size="m">
      <Box variant="h2">{strings.noUsersTitle}</Box>
      <Box variant="p">{strings.noUsers}</Box>
      <CopyToClipboard
        variant="inline"
        textToCopy={strings.noUsersCommand}
        textToDisplay={strings.noUsersCommand}
        copyButtonAriaLabel={strings.copyCommand}
        copySuccessText={strings.copied}
        copyErrorText={strings.notCopied}
      />
      <Button loading={asking} onClick={() => void check()}>
        {strings.checkAgain}
      </Button>
    </SpaceBetween>
  );
}
