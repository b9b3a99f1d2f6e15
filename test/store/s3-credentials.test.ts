/** Where keys for S3 come from: each place that AWS's programs know, played by a server here. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MINIO_ACCESS_KEY, MINIO_SECRET_KEY, Minio, minioTool } from "../support/minio.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";

const SCRIPT = join(import.meta.dirname, "find-credentials.ts");
const HOUR_MS = 3_600_000;

interface Keys {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token?: string;
  readonly Expiration: string;
}

let folder: string;
let services: Bun.Server<undefined>;
let asked: string[];
/** What the services give, one after the other; the last one stays. */
let given: Keys[];

function keys(name: string, lastsMs = HOUR_MS): Keys {
  const Expiration = new Date(Date.now() + lastsMs).toISOString();
  return {
    AccessKeyId: name,
    SecretAccessKey: `${name}-secret`,
    Token: `${name}-token`,
    Expiration,
  };
}

const next = () => (given.length > 1 ? given.shift() : given[0]) ?? keys("none");

/** Instance, container and token services at once. Strict, where Amazon's are. */
async function serve(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  asked.push(`${request.method} ${pathname}`);
  const role = "/latest/meta-data/iam/security-credentials/";
  if (pathname === "/latest/api/token") {
    const wanted = request.headers.get("x-aws-ec2-metadata-token-ttl-seconds") !== null;
    return wanted && request.method === "PUT" ? new Response("imds") : denied();
  }
  if (pathname.startsWith(role)) {
    if (request.headers.get("x-aws-ec2-metadata-token") !== "imds") return denied();
    return pathname === role
      ? new Response("role-a")
      : Response.json({ Code: "Success", ...next() });
  }
  if (pathname === "/container") {
    return request.headers.get("authorization") === "secret" ? Response.json(next()) : denied();
  }
  const form = new URLSearchParams(await request.text());
  const field = (name: string) => form.get(name) ?? searchParams.get(name);
  const right =
    field("Action") === "AssumeRoleWithWebIdentity" &&
    field("WebIdentityToken") === "a-web-token" &&
    field("RoleArn") === "arn:aws:iam::1:role/r";
  return right
    ? new Response(stsAnswer(next()), { headers: { "content-type": "text/xml" } })
    : denied();
}

function denied(): Response {
  return new Response("no", { status: 401 });
}

function stsAnswer({ Token, ...keys }: Keys): string {
  const fields = Object.entries({ ...keys, SessionToken: Token });
  const xml = fields.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
  const action = "AssumeRoleWithWebIdentity";
  const result = `<${action}Result><Credentials>${xml}</Credentials></${action}Result>`;
  const space = "https://sts.amazonaws.com/doc/2011-06-15/";
  return `<${action}Response xmlns="${space}">${result}</${action}Response>`;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vivace-keys-"));
  services = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: serve });
  writeFileSync(join(folder, "token"), "a-web-token");
  writeFileSync(
    join(folder, "credentials"),
    "[default]\naws_access_key_id = d\naws_secret_access_key = ds\n" +
      "[other]\naws_access_key_id = o\naws_secret_access_key = os\naws_session_token = ot\n",
  );
});
afterAll(async () => {
  await services.stop(true);
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  asked = [];
  given = [keys("given")];
});

const own = () => `http://127.0.0.1:${services.port}`;
const environments = {
  container: () => ({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${own()}/container`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "secret",
  }),
  instance: () => ({
    AWS_EC2_METADATA_SERVICE_ENDPOINT: own(),
    AWS_EC2_METADATA_DISABLED: "false",
  }),
  web: () => ({
    ...{ AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, "token"), AWS_REGION: "us-east-1" },
    ...{ AWS_ROLE_ARN: "arn:aws:iam::1:role/r", AWS_ENDPOINT_URL_STS: own() },
  }),
  file: (profile: string) => ({
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
    AWS_PROFILE: profile,
  }),
  variables: () => ({
    AWS_ACCESS_KEY_ID: "v",
    AWS_SECRET_ACCESS_KEY: "vs",
    AWS_SESSION_TOKEN: "vt",
  }),
};

async function find(env: Readonly<Record<string, string>>): Promise<unknown> {
  const child = Bun.spawn({
    cmd: [process.execPath, SCRIPT],
    // Nothing of who runs the tests.
    env: { PATH: process.env["PATH"], HOME: folder, AWS_EC2_METADATA_DISABLED: "true", ...env },
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return JSON.parse(text);
}

const same = (accessKeyId: string, secretAccessKey: string, sessionToken?: string) => {
  const one = expect.objectContaining({
    ...{ accessKeyId, secretAccessKey },
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });
  return { first: one, second: one };
};

describe("keys for S3", () => {
  test("of the configuration come before all", async () => {
    const env = { TEST_KEYS: "c", ...environments.variables() };
    expect(await find(env)).toEqual(same("c", "c"));
  });

  test("of the environment come next", async () => {
    const env = { ...environments.variables(), ...environments.web(), ...environments.file("") };
    expect(await find(env)).toEqual(same("v", "vs", "vt"));
  });

  test("of the shared file, by profile", async () => {
    expect(await find(environments.file("default"))).toEqual(same("d", "ds"));
    expect(await find(environments.file("other"))).toEqual(same("o", "os", "ot"));
  });

  test.each(["web", "container", "instance"] as const)(
    "of the %s service, once for an hour, and again before they are over",
    async (which) => {
      const env = environments[which]();
      expect(await find(env)).toEqual(same("given", "given-secret", "given-token"));
      const once = asked.length;
      given = [keys("soon-over", 60_000), keys("fresh")];
      expect(await find({ ...env, TEST_UNTIL_NEW: "1" })).toMatchObject({
        first: { accessKeyId: "soon-over" },
        second: { accessKeyId: "fresh" },
      });
      expect(asked.length).toBeGreaterThan(2 * once);
    },
  );

  test("of nowhere: refused, with what to do about it", async () => {
    expect(await find({})).toEqual({
      code: "store_refused",
      message: expect.stringContaining("no credentials for S3"),
    });
  });
});

describe.skipIf(leftOut(minioTool))(titled("keys that the store refuses", minioTool), () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await Minio.start();
    await minio.makeBucket("vivace-test");
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => minio?.[Symbol.asyncDispose]());

  /** From the token service of the store itself. */
  async function right(): Promise<Keys> {
    const root = { accessKey: MINIO_ACCESS_KEY, secretKey: MINIO_SECRET_KEY };
    const stsEndpoint = `http://${minio.endpoint}`;
    const role = new AssumeRoleProvider({ stsEndpoint, ...root, action: "AssumeRole" });
    const found = await role.getCredentials();
    return {
      ...{ ...keys(found.getAccessKey()), SecretAccessKey: found.getSecretKey() },
      Token: found.getSessionToken() ?? "",
    };
  }

  test("are asked for anew, once", async () => {
    const env = { ...environments.container(), TEST_ENDPOINT: minio.endpoint };
    given = [keys("revoked"), await right()];
    expect(await find(env)).toEqual({ bytes: 3 });
    expect(asked).toHaveLength(2);
    asked = [];
    given = [keys("revoked")];
    expect(await find(env)).toMatchObject({ code: "store_refused" });
    expect(asked).toHaveLength(2);
  });
});
