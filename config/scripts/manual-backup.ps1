<#
.SYNOPSIS
A backup by hand, from the start to the proof that it is good.

.DESCRIPTION
Starts the backup of one cluster and shows its progress (a running daemon is asked, otherwise it runs here), verifies every byte of
it, and writes the backup's id as its only output. For PowerShell 7 on Linux.

Exit codes are those of pgrecall: 0 done, 3 done but with warnings, 13 damage found, 14 server not reachable, 15 repository not
reachable ... (pgrecall(1), EXIT STATUS); 2 for a wrong command line.

.PARAMETER Cluster
The cluster, as the configuration names it.

.PARAMETER Full
Reads everything anew, instead of storing only what changed.

.PARAMETER Keep
daily, weekly, monthly or manual, as of pgrecall backup.

.PARAMETER Note
A remark that is kept with the backup.

.PARAMETER RestoreBelow
Also restores the backup into a new directory below this one, has PostgreSQL's pg_verifybackup judge it where that program is there,
and removes it again. Needs the room of the whole cluster.

.PARAMETER CommonOptions
Options for every call of pgrecall, as @('--config', '/etc/pgrecall/other.yaml').

.PARAMETER Program
The program to call; by default the environment's PGRECALL, or pgrecall.

.EXAMPLE
./manual-backup.ps1 prod -Note 'before the migration' -RestoreBelow /var/tmp
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true, Position = 0)] [ValidatePattern('^[a-z0-9][a-z0-9_-]{0,62}$')] [string] $Cluster,
    [switch] $Full,
    [ValidateSet('daily', 'weekly', 'monthly', 'manual')] [string] $Keep,
    [string] $Note,
    [string] $RestoreBelow,
    [string[]] $CommonOptions = @(),
    [string] $Program = $(if ($env:PGRECALL) { $env:PGRECALL } else { 'pgrecall' })
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Exit codes are looked at here; where this variable is true, PowerShell would throw before that.
$PSNativeCommandUseErrorActionPreference = $false

$exitDoneWithWarnings = 3
$outcome = 0

function Write-Step([string] $text) {
    [Console]::Error.WriteLine("manual-backup: $text")
}

# Ends the script for any exit code but "done" and "done with warnings", of which the latter is remembered.
function Test-Outcome([string] $what, [int] $code) {
    if ($code -eq $exitDoneWithWarnings) {
        $script:outcome = $exitDoneWithWarnings
    } elseif ($code -ne 0) {
        Write-Step "failed with exit code ${code}: $what"
        exit $code
    }
}

# Runs pgrecall with everything that it says on standard error, which is for people.
function Invoke-Shown([string] $what, [string[]] $arguments) {
    Write-Step $what
    & $Program @arguments @CommonOptions 2>&1 | ForEach-Object { [Console]::Error.WriteLine([string] $_) }
    Test-Outcome $what $LASTEXITCODE
}

# The id of the new backup. Progress comes as lines of JSON on standard error: "copying 26%" once a second.
function New-Backup {
    $arguments = @('backup', $Cluster, '--output', 'json')
    if ($Full) { $arguments += '--full' }
    if ($Keep) { $arguments += @('--keep', $Keep) }
    if ($Note) { $arguments += @('--note', $Note) }
    Write-Step "backing up $Cluster"
    $document = & $Program @arguments @CommonOptions 2>&1 | ForEach-Object {
        if ($_ -isnot [System.Management.Automation.ErrorRecord]) {
            $_
        } elseif ([string] $_ -like '{"progress":*') {
            $progress = ([string] $_ | ConvertFrom-Json).progress
            if ($null -ne $progress.percent) { Write-Step "$($progress.phase) $($progress.percent)%" }
        } else {
            [Console]::Error.WriteLine([string] $_)
        }
    }
    Test-Outcome "backing up $Cluster" $LASTEXITCODE
    return ($document -join "`n" | ConvertFrom-Json).backup.id
}

# Restores into a new directory and has pg_verifybackup judge it; the directory goes whatever happens.
function Test-Restore([string] $id) {
    $directory = Join-Path $RestoreBelow ('manual-backup.' + [guid]::NewGuid().ToString('N'))
    New-Item -ItemType Directory -Path $directory | Out-Null
    try {
        $data = Join-Path $directory 'data'
        Invoke-Shown "restoring $id into $directory" @('restore', $Cluster, '--backup', $id, '--into', $data)
        $version = (Get-Content (Join-Path $data 'PG_VERSION') -TotalCount 1).Trim()
        $judge = Get-Command "/usr/lib/postgresql/$version/bin/pg_verifybackup", 'pg_verifybackup' -ErrorAction SilentlyContinue |
            Select-Object -First 1
        if ($judge) {
            $judgeProgram = $judge.Source
            # WAL is judged by the restore itself, and configuration written by it is no part of the server's manifest.
            $options = @('--no-parse-wal', '--ignore=postgresql.auto.conf', '--ignore=recovery.signal', '--ignore=backup_label.old')
            Write-Step $judgeProgram
            & $judgeProgram @options $data 2>&1 | ForEach-Object { [Console]::Error.WriteLine([string] $_) }
            Test-Outcome $judgeProgram $LASTEXITCODE
        } else {
            Write-Step "no pg_verifybackup of PostgreSQL $version here: every file was checked against its hash, and that is all"
        }
    } finally {
        Remove-Item -Recurse -Force $directory
    }
}

# Before the backup, not after it.
if ($RestoreBelow -and -not (Test-Path -LiteralPath $RestoreBelow -PathType Container)) {
    Write-Step "-RestoreBelow: there is no directory $RestoreBelow"
    exit 2
}
$id = New-Backup
if (-not $id) {
    Write-Step "the backup has no id: is $Program of another version?"
    exit 1
}
Write-Step "took $id"
Invoke-Shown "verifying $id" @('verify', $Cluster, $id, '--data', 'all')
if ($RestoreBelow) {
    Test-Restore $id
}
Write-Step 'done'
Write-Output $id
exit $outcome
