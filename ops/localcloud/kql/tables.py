"""The Log Analytics tables that localcloud fills: every column and its type.

Azure: the table reference of Azure Monitor Logs. The log store creates its DuckDB
tables from here, so that a query which runs locally names what Azure has too.
"""

Schema = dict[str, dict[str, str]]

SYSTEM = {
    "TenantId": "string",
    "TimeGenerated": "datetime",
    "SourceSystem": "string",
    "Type": "string",
    "_ResourceId": "string",
    "_SubscriptionId": "string",
    "_BilledSize": "real",
    "_IsBillable": "string",
}


def columns(text: str) -> dict[str, str]:
    """`Name:type` pairs, then the columns every table has."""
    own = dict(pair.split(":") for pair in text.split())
    return {**own, **{name: SYSTEM[name] for name in SYSTEM if name not in own}}


# When a row was taken in, which ingestion_time() tells: hidden, as in Azure Data
# Explorer (Azure: IngestionTime policy), and null of rows stored before there was one.
ARRIVAL = "$IngestionTime"

# Application Insights writes these to every table of its own.
TELEMETRY = """
    AppRoleInstance:string AppRoleName:string AppVersion:string ClientBrowser:string
    ClientCity:string ClientCountryOrRegion:string ClientIP:string ClientModel:string
    ClientOS:string ClientStateOrProvince:string ClientType:string IKey:string
    ItemCount:int Measurements:dynamic OperationId:string OperationName:string
    ParentId:string Properties:dynamic ReferencedItemId:string ReferencedType:string
    ResourceGUID:string SDKVersion:string SessionId:string SyntheticSource:string
    UserAccountId:string UserAuthenticatedId:string UserId:string
"""

TABLES: Schema = {
    "AmlOnlineEndpointTrafficLog": columns("""
        TimeGenerated:datetime OperationName:string AuthType:string
        AzureMLWorkspaceId:string AzureMLWorkspaceName:string EndpointName:string
        DeploymentName:string IdentityData:string Location:string Method:string
        Path:string Protocol:string ResponseCode:int ResponseCodeReason:string
        ModelStatusCode:int ModelStatusReason:string RequestDurationMs:int
        ResponseDurationMs:int TotalDurationMs:int RequestPayloadSize:int
        ResponsePayloadSize:int RequestThrottlingDelayMs:int
        ResponseThrottlingDelayMs:int UserAgent:string XMSClientRequestId:string
        XRequestId:string
    """),
    "AmlOnlineEndpointConsoleLog": columns("""
        TimeGenerated:datetime OperationName:string DeploymentName:string
        InstanceId:string ContainerName:string ContainerImageName:string
        Message:string
    """),
    "AmlOnlineEndpointEventLog": columns("""
        TimeGenerated:datetime OperationName:string DeploymentName:string
        InstanceId:string Name:string Message:string
    """),
    "AzureMetrics": columns("""
        TimeGenerated:datetime Resource:string ResourceGroup:string ResourceId:string
        ResourceProvider:string SubscriptionId:string MetricName:string
        UnitName:string TimeGrain:string Average:real Count:real Maximum:real
        Minimum:real Total:real Confidence:string CorrelationId:string
        ErrorCode:string ErrorMessage:string
    """),
    "AppTraces": columns(
        "TimeGenerated:datetime Message:string SeverityLevel:int" + TELEMETRY
    ),
    "AppRequests": columns(
        """TimeGenerated:datetime Id:string Name:string Url:string Source:string
        Success:bool ResultCode:string DurationMs:real PerformanceBucket:string
        OperationLinks:dynamic"""
        + TELEMETRY
    ),
    "AppExceptions": columns(
        """TimeGenerated:datetime ProblemId:string ExceptionType:string
        Message:string Method:string Assembly:string HandledAt:string
        SeverityLevel:int Details:dynamic InnermostAssembly:string
        InnermostMessage:string InnermostMethod:string InnermostType:string
        OuterAssembly:string OuterMessage:string OuterMethod:string
        OuterType:string"""
        + TELEMETRY
    ),
}

# What DuckDB stores for each Kusto type. Strings are stored as '' and never NULL:
# Kusto has no null string.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "dynamic": "JSON",
    "guid": "UUID",
    "timespan": "INTERVAL",
    "decimal": "DECIMAL(38, 10)",
}


def quoted(name: str) -> str:
    """A name as SQL spells it, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'


def create_table(name: str, table: dict[str, str]) -> str:
    """The statement that creates a table whose rows know when they were taken in."""
    return create_columns(name, with_arrival(table))


def create_columns(name: str, table: dict[str, str]) -> str:
    """The statement that creates a table of these columns alone."""
    fields = ", ".join(
        f"{quoted(column)} {DUCKDB_TYPES[kind]}" for column, kind in table.items()
    )
    return f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({fields})"


def with_arrival(table: dict[str, str]) -> dict[str, str]:
    """A table's columns, and behind them the hidden one."""
    return {**table, ARRIVAL: "datetime"}


def reading(name: str) -> str:
    """By which name a query reads a table with its hidden column."""
    return f"__taken_{name}"
