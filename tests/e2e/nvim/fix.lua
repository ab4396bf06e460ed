-- Drives one repair in a real Neovim. Arguments, in the environment: the file to act in, the buffers to open, and the
-- file whose buffer has to change. Prints a JSON line of what it saw; any error ends Neovim with a status of its own.
local DEADLINE = 240000

local function wait(what, condition)
  if not vim.wait(DEADLINE, condition, 50) then
    error('waited in vain: ' .. what .. '\n' .. vim.api.nvim_exec2('messages', { output = true }).output)
  end
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
end

local function drive()
  local changed_path = vim.env.CHANGED
  for path in vim.gsplit(vim.env.BUFFERS, ':') do
    vim.cmd.edit(path)
  end
  local changed = vim.fn.bufadd(changed_path) -- known, but loaded only if it is one of the above
  local loaded = vim.fn.bufloaded(changed) == 1
  local before = table.concat(vim.fn.readfile(changed_path), '\n')
  vim.cmd.edit(vim.env.CURRENT)
  local here = vim.api.nvim_get_current_buf()
  wait('the diagnostics', function()
    return #vim.diagnostic.get(here) == 1 and (not loaded or #vim.diagnostic.get(changed) == 1)
  end)
  local shown = vim.diagnostic.get(here)[1]
  local line = vim.api.nvim_buf_get_lines(here, shown.lnum, shown.lnum + 1, false)[1]

  vim.api.nvim_win_set_cursor(0, { shown.lnum + 1, shown.col })
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action) return action.title == 'Fix with loop' end,
  })
  wait('the fix', function() return vim.fn.bufloaded(changed) == 1 and text(changed) ~= before end)
  local after = text(changed)
  wait('the diagnostics to go', function()
    return #vim.diagnostic.get(here) == 0 and #vim.diagnostic.get(changed) == 0
  end)

  vim.api.nvim_buf_call(changed, function() vim.cmd.undo() end)
  return {
    encoding = vim.lsp.get_clients({ name = 'fixloop' })[1].offset_encoding,
    shown = { message = shown.message, source = shown.source, text = line:sub(shown.col + 1, shown.end_col) },
    after = after,
    undone = text(changed) == before,
    progress = PROGRESS,
    messages = vim.api.nvim_exec2('messages', { output = true }).output,
  }
end

PROGRESS = {}
vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event) table.insert(PROGRESS, event.data.params.value.kind) end,
})
vim.opt.swapfile = false
vim.opt.hidden = true
vim.opt.runtimepath:append(vim.env.FIXLOOP_EDITOR)
vim.lsp.enable('fixloop')
vim.lsp.log.set_level('warn')

vim.schedule(function()
  local ok, seen = xpcall(drive, debug.traceback)
  io.stdout:write('\n' .. (ok and vim.json.encode(seen) or seen) .. '\n')
  vim.cmd(ok and 'qall!' or 'cquit 3')
end)
